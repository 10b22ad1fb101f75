import assert from "node:assert/strict";
import fc from "fast-check";
import { hasCues, textOfCues } from "./cues.ts";

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
    "SRT of which a cue says a number",
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
  ["WebVTT of silence, without a line's end", "WEBVTT", ""],
];

for (const [name, body, text] of CUES) {
  Deno.test(`textOfCues() takes the words out of ${name}`, () => {
    assert.ok(hasCues(body));
    assert.equal(textOfCues(body), text);
  });
}

Deno.test("hasCues() takes nothing else for cues", () => {
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

Deno.test("textOfCues() finds any words again, in either form, whatever ends the lines", () => {
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

/** `01:02:03,004`, or `02:03.004` where WebVTT may leave out the hours. */
function time(ms: number, isSrt: boolean): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const hours = Math.floor(ms / 3_600_000);
  const rest = `${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}${
    isSrt ? "," : "."
  }${String(ms % 1000).padStart(3, "0")}`;
  return isSrt || hours > 0 ? `${two(hours)}:${rest}` : rest;
}
