import assert from "node:assert/strict";
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
