import assert from "node:assert/strict";
import fc from "fast-check";
import { LONGEST_TEXT, shownData, shownText } from "./shown_text.ts";

Deno.test("shownText() makes control characters and halves of pairs harmless", () => {
  assert.equal(
    shownText("a\x00\x1b[31m\u202e\u2028\ud800b\nc"),
    "a\\x00\\x1b[31m\\u202e\\u2028\ufffdb\nc",
  );
});

Deno.test("shownText() cuts a long text and says how much is missing", () => {
  const text = "x".repeat(1_000_000);
  assert.equal(
    shownText(text),
    `${text.slice(0, LONGEST_TEXT)} … (998000 more characters)`,
  );
  // No pair of surrogates is cut in half.
  assert.equal(shownText("😀😀😀", 3), "😀 … (4 more characters)");
  assert.equal(shownText("😀", 2), "😀");
});

Deno.test("shownText() leaves well-formed text as it is", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.equal(shownText(shownText(text)), shownText(text));
  }));
});

Deno.test("shownData() keeps integers, rounds fractions and changes texts at any depth", () => {
  assert.deepEqual(
    shownData({
      "a\x00": ["\x07", 1234567890, 1.23456789, null, true],
      inner: { n: 0.1 + 0.2 },
    }),
    {
      "a\\x00": ["\\x07", 1234567890, 1.23457, null, true],
      inner: { n: 0.3 },
    },
  );
});
