import assert from "node:assert/strict";
import fc from "fast-check";
import { visible } from "./output.ts";

Deno.test("visible() writes out what would steer a terminal, and nothing else", () => {
  const texts: readonly (readonly [string, string])[] = [
    ["", ""],
    ["two\n\tlines: Grüße, 日本 🎉", "two\n\tlines: Grüße, 日本 🎉"],
    ["\x1b[31mred\x07", "\\x1b[31mred\\x07"],
    ["over\rwritten\b\0", "over\\x0dwritten\\x08\\x00"],
    ["\x9b31m \x7f", "\\x9b31m \\x7f"],
    ["\u202eback\u2066\u2028", "\\u202eback\\u2066\\u2028"],
  ];
  for (const [text, shown] of texts) assert.equal(visible(text), shown);
});

Deno.test("visible() leaves no control character in any text, and finds nothing to do the second time", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const shown = visible(text);
    assert.doesNotMatch(shown.replace(/[\n\t]/g, ""), /\p{Cc}/u);
    assert.equal(visible(shown), shown);
  }));
});
