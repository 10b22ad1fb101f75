import assert from "node:assert/strict";
import fc from "fast-check";
import {
  hasCues,
  parseTranscript,
  type ResponseFormat,
  textOfCues,
} from "./reader.ts";

const WHOLE: readonly [string, ResponseFormat, string, unknown][] = [
  [
    "json with the length of the audio",
    "json",
    '{"text":"hello","usage":{"type":"duration","seconds":2}}',
    { text: "hello", usage: { audioSeconds: 2 } },
  ],
  [
    "json with tokens",
    "json",
    '{"text":"hello","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}}',
    {
      text: "hello",
      usage: { inputTokens: 14, audioTokens: 10, outputTokens: 45 },
    },
  ],
  [
    "json with Mistral's counts",
    "json",
    '{"model":"voxtral","text":"hello","language":"en","segments":[],"usage":{"prompt_audio_seconds":4,"prompt_tokens":9,"total_tokens":395,"completion_tokens":386}}',
    {
      text: "hello",
      usage: { inputTokens: 9, outputTokens: 386, audioSeconds: 4 },
    },
  ],
  ["json without usage", "json", '{"text":"!!!"}', { text: "!!!" }],
  ["json with an empty text", "json", '{"text":""}', { text: "" }],
  [
    "verbose_json whose duration is a text",
    "verbose_json",
    '{"task":"transcribe","language":"english","duration":"2.0","text":" hello","segments":[{"id":0,"start":0.0,"end":1.0,"text":" hello","tokens":[1]}],"words":null}',
    { text: " hello" },
  ],
  [
    "diarized_json",
    "diarized_json",
    '{"task":"transcribe","duration":3.1,"text":"A: hi B: ho","segments":[{"type":"transcript.text.segment","id":"seg_1","start":0,"end":1,"speaker":"A","text":"hi"}],"usage":{"type":"duration","seconds":4}}',
    { text: "A: hi B: ho", usage: { audioSeconds: 4 } },
  ],
  ["words about data", "json", '{"text":"data: {x} is not JSON"}', {
    text: "data: {x} is not JSON",
  }],
  ["plain text", "text", "Hello,\nworld.\n", { text: "Hello,\nworld." }],
  ["plain text that begins like JSON", "text", "{laughs} Hello", {
    text: "{laughs} Hello",
  }],
  ["plain text of silence", "text", "\n", { text: "" }],
  ["JSON in place of text", "text", '{"text":"hello"}', {
    text: "hello",
  }],
  ["a text in JSON", "text", '"He said \\"no\\"."\n', {
    text: 'He said "no".',
  }],
  ["srt", "srt", "1\n00:00:00,000 --> 00:00:01,000\nhello\n", {
    text: "hello",
  }],
  ["an empty text of silence", "text", "", { text: "" }],
  ["srt of silence", "srt", "\n", { text: "" }],
  ["an empty srt of silence", "srt", "", { text: "" }],
  ["an empty vtt of silence", "vtt", "", { text: "" }],
  ["vtt", "vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", {
    text: "hello",
  }],
  [
    "vtt in place of json",
    "json",
    "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
    {
      text: "hello",
    },
  ],
  ["JSON in place of vtt", "vtt", '{"text":"hello"}', {
    text: "hello",
  }],
];

for (const [name, format, body, output] of WHOLE) {
  Deno.test(`parseTranscript() reads ${name}`, () => {
    assert.deepEqual(parseTranscript(body, format), output);
  });
}

const LONG = `<!DOCTYPE html><html>${"x".repeat(1000)}</html>`;
const EVENTS =
  'data: {"type": "transcript.text.delta", "delta": "Hello"}\n\ndata: [DONE]\n\n';
const WITHOUT: readonly [string, ResponseFormat, string, string, RegExp][] = [
  ...(["json", "verbose_json", "diarized_json", "text"] as const).flatMap((
    format,
  ) =>
    [{ text: EVENTS, segments: [] }, EVENTS].map((
      body,
    ): typeof WITHOUT[number] => [
      `events in JSON, as ${typeof body}, for ${format}`,
      format,
      JSON.stringify(body),
      "protocol_error",
      /its text is an event stream: data: \{"type"/,
    ])
  ),
  ["an empty body", "json", "", "protocol_error", /but was empty$/],
  [
    "an empty body as JSON with more",
    "verbose_json",
    "",
    "protocol_error",
    /but was empty$/,
  ],
  [
    "an empty body as JSON with speakers",
    "diarized_json",
    "",
    "protocol_error",
    /but was empty$/,
  ],
  ["white space as JSON", "json", " \n", "protocol_error", /but was empty$/],
  [
    "events of another content type, for text",
    "text",
    'data: {"choices":[]}\n\n',
    "protocol_error",
    /events under another content type than text\/event-stream .* \(stream=true reads them\): data: /,
  ],
  [
    "a page",
    "json",
    LONG,
    "protocol_error",
    /but was <!DOCTYPE html><html>x+…$/,
  ],
  ["a page as text", "text", LONG, "protocol_error", /but was <!DOCTYPE/],
  [
    "JSON without text",
    "json",
    '{"words":[]}',
    "protocol_error",
    /{"words":\[\]}$/,
  ],
  ["a text that is null", "json", '{"text":null}', "protocol_error", /null}$/],
  ["half of JSON", "json", '{"text":"he', "protocol_error", /{"text":"he$/],
  ["a list", "json", "[1]", "protocol_error", /but was \[1\]$/],
  [
    "words in place of JSON",
    "json",
    "no healthy upstream",
    "protocol_error",
    /upstream$/,
  ],
  [
    "an error",
    "json",
    '{"error":{"message":"no seat","code":503}}',
    "server_error",
    /^no seat$/,
  ],
];

for (const [name, format, body, kind, message] of WITHOUT) {
  Deno.test(`parseTranscript() rejects ${name}`, () => {
    assert.throws(() => parseTranscript(body, format), {
      class: kind,
      message,
    });
  });
}

Deno.test("parseTranscript() shows only the beginning of a rejected body", () => {
  assert.throws(
    () => parseTranscript(LONG, "json"),
    ({ message }: Error) => message.length < 500,
  );
});

const CUES: readonly [string, string, string][] = [
  [
    "SRT",
    "1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n\n2\n00:00:01,500 --> 00:00:03,000\nSeats for two,\nplease.\n",
    "Good morning. Seats for two, please.",
  ],
  [
    "SRT with CRLF and a byte order mark",
    "\uFEFF1\r\n00:00:00,000 --> 00:00:01,000\r\n one\r\n\r\n2\r\n00:00:01,000 --> 00:00:02,000\r\ntwo\r\n\r\n",
    "one two",
  ],
  [
    "SRT with a number as the text of a cue",
    "1\n00:00:00,000 --> 00:00:01,000\n42\n\n2\n00:00:01,000 --> 00:00:02,000\n\n",
    "42",
  ],
  [
    "WebVTT without hours, with names, notes, settings and styles",
    `WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE not said
either

intro
00:00.000 --> 00:02.000 align:start position:10%
<v.loud Ann>How <i>are</i> you</v>,
<00:01.000>Bob &amp; Co &lt;3?

100:00:02.000 --> 100:00:03.000
5 < 6&nbsp;&unknown;
`,
    "How are you, Bob & Co <3? 5 < 6 &unknown;",
  ],
  ["WebVTT of silence", "WEBVTT\n\n", ""],
  ["WebVTT of silence, without a line break", "WEBVTT", ""],
];

for (const [name, body, text] of CUES) {
  Deno.test(`textOfCues() returns the words of ${name}`, () => {
    assert.ok(hasCues(body));
    assert.equal(textOfCues(body), text);
  });
}

Deno.test("hasCues() rejects everything else", () => {
  for (
    const body of [
      "",
      "WEBVTTX",
      "1\n2",
      "from 00:01 --> 00:02",
      "arrows --> are said",
      '{"text":"00:00"}',
    ]
  ) assert.ok(!hasCues(body), body);
});

Deno.test("textOfCues() returns any words of SRT and WebVTT with any line breaks", () => {
  const line = fc.stringMatching(/^[\w',.é日]{1,8}( [\w',.é日]{1,8}){0,3}$/);
  const cue = fc.record({
    startMs: fc.nat(359_999_999),
    lines: fc.array(line, { maxLength: 3 }),
  });
  const end = fc.constantFrom("\n", "\r\n");
  fc.assert(fc.property(
    fc.array(cue, { minLength: 1, maxLength: 4 }),
    end,
    fc.boolean(),
    (cues, end, isSrt) => {
      const blocks = cues.map(({ startMs, lines }, i) =>
        [
          ...(isSrt ? [String(i + 1)] : []),
          `${time(startMs, isSrt)} --> ${time(startMs + 900, isSrt)}`,
          ...lines,
          "",
        ].join(end)
      );
      const body = [...(isSrt ? [] : ["WEBVTT", ""]), ...blocks].join(end);
      const said = cues.flatMap(({ lines }) => lines).join(" ");
      assert.ok(hasCues(body));
      assert.equal(textOfCues(body), said);
    },
  ));
});

/** Formats `01:02:03,004`, or `02:03.004` if WebVTT allows to leave out the hours. */
function time(ms: number, isSrt: boolean): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const hours = Math.floor(ms / 3_600_000);
  const rest = `${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}${
    isSrt ? "," : "."
  }${String(ms % 1000).padStart(3, "0")}`;
  return isSrt || hours > 0 ? `${two(hours)}:${rest}` : rest;
}
