import assert from "node:assert/strict";
import fc from "fast-check";
import { normalizers } from "./normalize.ts";

const { none, basic } = normalizers;

Deno.test("normalizers.none changes nothing", () => {
  const text = "  Hello,\tWORLD! [e\u0301] ";
  assert.equal(none(text), text);
});

Deno.test("normalizers.basic applies its rules", () => {
  const cases: [string, string][] = [
    ["Hello, World!", "hello world"],
    ["don't stop", "don t stop"],
    ["[laughter] so (he said) <unk> yes", "so yes"],
    ["a (b) c () d", "a c d"],
    ["[open (and never closed", "open and never closed"],
    ["[mixed> brackets", "brackets"],
    ["5 % of $20 = 1", "5 of 20 1"],
    ["ﬁne ＡＢＣ ½", "fine abc 1 2"],
    ["e\u0301te\u0301", "été"],
    ["q\u0301", "q"],
    ["Straße ŁÓDŹ", "straße łódź"],
    ["  many \t\n spaces\u00a0here ", "many spaces here"],
    ["日本語、です。", "日本語 です"],
    ["…!?", ""],
    ["", ""],
  ];
  for (const [text, expected] of cases) assert.equal(basic(text), expected);
});

Deno.test("normalizers.basic leaves nothing to do a second time", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const once = basic(text);
    assert.equal(basic(once), once);
    assert.equal(once, once.trim());
    assert.ok(!/[\p{P}\p{S}\p{M}]|\s\s/u.test(once), once);
  }));
});
