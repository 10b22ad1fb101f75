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

/** The rules as they are written down, each a regular expression: slow on hostile texts. */
function reference(text: string): string {
  return text.toLowerCase()
    .replace(/[<[][^>\]]*[>\]]/gu, "")
    .replace(/\([^)]+\)/gu, "")
    .normalize("NFKC")
    .replace(/[\p{M}\p{S}\p{P}]/gu, " ")
    .toLowerCase()
    .replace(/\s+/gu, " ")
    .trim();
}

Deno.test("normalizers.basic equals its rules in regular expressions on any text", () => {
  const brackets = fc.string({
    unit: fc.constantFrom("(", ")", "[", "]", "<", ">", "a", " ", "\n"),
    maxLength: 60,
  });
  const letters = fc.string({
    unit: fc.constantFrom(
      "a",
      "É",
      "\u0301",
      "\u0327",
      "\u3099",
      "カ",
      "ﷺ",
      "İ",
      "Σ",
      "(",
      ")",
    ),
    maxLength: 25,
  });
  const any = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(brackets, letters, any), (text) => {
      assert.equal(basic(text), reference(text));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("normalizers.basic takes time in proportion to the text, whatever is in it", () => {
  const count = 200_000;
  const hostile = {
    "opening parentheses": ["(".repeat(count), ""],
    "empty parentheses": ["()".repeat(count), ""],
    "opening tags": ["<".repeat(count), ""],
    "nested brackets": ["[(".repeat(count), ""],
    "a mark of one kind": [`a${"\u0301".repeat(count)}b`, "á b"],
    "marks that change places": [`a${"\u0315\u0300".repeat(count)}b`, "à b"],
    "white space": [`a${" ".repeat(count)}b`, "a b"],
    "sigmas": ["ΑΣ".repeat(count), "ασ".repeat(count - 1) + "ας"],
  };
  for (const [what, [text, expected]] of Object.entries(hostile)) {
    // Quadratic time would be minutes: a test that hangs is one that fails.
    assert.equal(basic(text!), expected, what);
  }
});
