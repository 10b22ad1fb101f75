import assert from "node:assert/strict";
import { type ResponseFormat, transcriptIn } from "./transcript.ts";

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
  ["JSON where text was asked for", "text", '{"text":"hello"}', {
    text: "hello",
  }],
  ["a text in JSON", "text", '"He said \\"no\\"."\n', {
    text: 'He said "no".',
  }],
  ["srt", "srt", "1\n00:00:00,000 --> 00:00:01,000\nhello\n", {
    text: "hello",
  }],
  ["plain text of silence that is nothing", "text", "", { text: "" }],
  ["srt of silence", "srt", "\n", { text: "" }],
  ["srt of silence that is nothing", "srt", "", { text: "" }],
  ["vtt of silence that is nothing", "vtt", "", { text: "" }],
  ["vtt", "vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", {
    text: "hello",
  }],
  [
    "vtt where json was asked for",
    "json",
    "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
    {
      text: "hello",
    },
  ],
  ["JSON where vtt was asked for", "vtt", '{"text":"hello"}', {
    text: "hello",
  }],
];

for (const [name, format, body, output] of WHOLE) {
  Deno.test(`transcriptIn() reads ${name}`, () => {
    assert.deepEqual(transcriptIn(body, format), output);
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
      /must not be an event stream: current value is data: \{"type"/,
    ])
  ),
  ["an empty body", "json", "", "protocol_error", /is empty$/],
  [
    "an empty body as JSON with more",
    "verbose_json",
    "",
    "protocol_error",
    /is empty$/,
  ],
  [
    "an empty body as JSON with speakers",
    "diarized_json",
    "",
    "protocol_error",
    /is empty$/,
  ],
  ["white space as JSON", "json", " \n", "protocol_error", /is empty$/],
  [
    "events of another content type, for text",
    "text",
    'data: {"choices":[]}\n\n',
    "protocol_error",
    /events came under another content type than text\/event-stream \(stream=true reads them\): data: /,
  ],
  ["a page", "json", LONG, "protocol_error", /is <!DOCTYPE html><html>x+…$/],
  ["a page as text", "text", LONG, "protocol_error", /is <!DOCTYPE/],
  [
    "JSON without text",
    "json",
    '{"words":[]}',
    "protocol_error",
    /{"words":\[\]}$/,
  ],
  ["a text that is none", "json", '{"text":null}', "protocol_error", /null}$/],
  ["half of JSON", "json", '{"text":"he', "protocol_error", /{"text":"he$/],
  ["a list", "json", "[1]", "protocol_error", /is \[1\]$/],
  [
    "words where JSON was asked for",
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
  Deno.test(`transcriptIn() refuses ${name}`, () => {
    assert.throws(() => transcriptIn(body, format), { class: kind, message });
  });
}

Deno.test("transcriptIn() tells no more than the beginning of what it refuses", () => {
  assert.throws(
    () => transcriptIn(LONG, "json"),
    ({ message }: Error) => message.length < 500,
  );
});
