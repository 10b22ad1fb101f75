import assert from "node:assert/strict";
import fc from "fast-check";
import { estimateTokens } from "./estimate.ts";

Deno.test("estimateTokens() counts four characters as a token, and each Chinese, Japanese or Korean one", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["a", 1],
    ["four", 1],
    ["fives", 2],
    ["0123456789abcdef", 4],
    ["汉字", 2],
    ["ひらがな、カタカナ", 9], // the comma is no letter: 8 and a quarter
    ["한국어", 3],
    ["𠮷野家", 3], // the first takes two code units
    ["GPU を使う", 4], // four others make one
  ];
  for (const [text, tokens] of cases) {
    assert.equal(estimateTokens(text), tokens, text);
  }
});

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("a", " ", "漢", "한", "𠮷", "é") }),
);

Deno.test("estimateTokens() is a whole number, and 0 only for an empty text", () => {
  fc.assert(fc.property(anyText, (text) => {
    const tokens = estimateTokens(text);
    assert.ok(Number.isInteger(tokens) && tokens >= 0);
    assert.equal(tokens === 0, text === "");
    assert.ok(tokens <= text.length);
  }));
});

Deno.test("estimateTokens() of two texts together is at most the sum, and at least that of either", () => {
  fc.assert(fc.property(anyText, anyText, (one, other) => {
    const [left, right] = [one, other].map(estimateTokens);
    const both = estimateTokens(one + other);
    assert.ok(both >= Math.max(left!, right!));
    assert.ok(both <= left! + right!);
  }));
});
