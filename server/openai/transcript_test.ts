import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../lib/random.ts";
import { DEFAULTS } from "../settings.ts";
import { transcribe } from "./transcript.ts";
import { countTokens } from "./tokens.ts";

/** Words, one a second. */
function spokenWords(count: number) {
  const words = Array.from({ length: count }, (_, i) => ({
    text: "abc",
    startMs: i * 1000,
    endMs: i * 1000 + 900,
  }));
  return { durationMs: count * 1000, words };
}

function pieces(count: number, { clipMs = 30_000, size = 1, most = Infinity }) {
  const options = { ...DEFAULTS, clipMs, tokensPerEvent: size };
  return transcribe(spokenWords(count), options, {
    most,
    random: random(1, "test"),
  });
}

Deno.test("transcribe() loses no word, however audio and tokens are cut", () => {
  fc.assert(
    fc.property(
      fc.nat(40),
      fc.integer({ min: 500, max: 20_000 }),
      fc.integer({ min: 1, max: 5 }),
      (count, clipMs, size) => {
        const { text, answer, segments } = pieces(count, { clipMs, size });
        const whole = Array(count).fill("abc").join(" ");
        assert.equal(text, whole);
        assert.equal(answer.pieces.map(({ text }) => text).join(""), whole);
        assert.equal(
          segments.reduce((n, { words }) => n + words.length, 0),
          count,
        );
        const said = answer.pieces.filter(({ text }) => text !== "");
        const tokens = said.reduce((n, { tokens }) => n + tokens, 0);
        assert.equal(tokens, countTokens(whole));
        const ends = answer.pieces.filter(({ ends }) => ends).length;
        assert.equal(ends, Math.max(1, Math.ceil(count * 1000 / clipMs)));
      },
    ),
  );
});

Deno.test("transcribe() has later parts of the audio ready with the first, and waits for their additional tokens", () => {
  const costs = (count: number) =>
    pieces(count, { clipMs: 3000 }).answer.pieces.map(({ costs }) => costs);
  assert.deepEqual(costs(6), [1, 1, 1, 0, 0, 0]);
  const speech = spokenWords(4);
  const options = { ...DEFAULTS, clipMs: 1000 };
  const { answer } = transcribe(speech, options, {
    most: Infinity,
    random: random(1, "test"),
  });
  assert.deepEqual(answer.pieces.map(({ costs }) => costs), [1, 0, 0, 0]);
});

Deno.test("transcribe() ends each part of the audio at the most tokens, and reports it", () => {
  const { answer } = pieces(6, { clipMs: 3000, most: 2 });
  assert.deepEqual(
    answer.pieces.map(({ ends }) => ends),
    [undefined, "length", undefined, "length"],
  );
  assert.equal(answer.finishReason, "length");
});
