import assert from "node:assert/strict";
import fc from "fast-check";
import {
  LONGEST_MESSAGE,
  LONGEST_NAME,
  message,
  nameOf,
  plain,
} from "./text.ts";

Deno.test("plain() returns a text on one line without control characters", () => {
  assert.equal(plain("a\r\nb\u001b[31mc\u001b[0m\u0007\u202ed "), "a bc d");
});

Deno.test("plain() shows the text after an invalid or unfinished escape sequence", () => {
  for (
    const [text, shown] of [
      ["\u001b[31mRED\u0007", "RED"],
      ["\u001b[31mRED BEL", "RED BEL"],
      ["\u001b[RED", "[RED"],
      ["\u001b]0;title\u0007text", "]0;title text"],
      ["\u001b]8;;http://x", "]8;;http://x"],
      ["\u009b31mRED\u001b", "31mRED"],
    ] as const
  ) assert.equal(plain(text), shown);
});

Deno.test("plain() keeps exactly the printable characters", () => {
  const printable = fc.string({ unit: "grapheme" });
  const piece = fc.oneof(
    printable.map((text) => ({ text, kept: text })),
    fc.integer({ min: 0, max: 0x9f })
      .filter((code) => code < 0x20 || code > 0x7e)
      .map((code) => ({ text: `${String.fromCharCode(code)} `, kept: "" })),
    fc.constantFrom("0m", "m", "31m", "1;38:5:9m", "2J", "?25l", "10;2H")
      .map((rest) => ({ text: `\u001b[${rest}`, kept: "" })),
    printable.map((title) => ({
      text: `\u001b]0;${title}\u0007`,
      kept: `]0;${title}`,
    })),
  );
  const squeezed = (text: string) =>
    text.replace(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, "");
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    const shown = plain(pieces.map(({ text }) => text).join(""));
    const kept = pieces.map(({ kept }) => kept).join("");
    assert.equal(squeezed(shown), squeezed(kept));
    assert.doesNotMatch(shown, /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
  }));
});

Deno.test("message() and nameOf() keep both ends of a text within a limit", () => {
  const text = `Begins ${"x".repeat(1_000_000)}\n and ends so`;
  for (
    const [shown, longest] of [
      [message(text), LONGEST_MESSAGE],
      [nameOf(text), LONGEST_NAME],
    ] as const
  ) {
    assert.ok(shown.length <= longest + 3, shown);
    assert.match(shown, /^Begins x+ … x+ {2}?and ends so$/);
  }
  assert.equal(message("short"), "short");
});

Deno.test("nameOf() cuts no character in two", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 150, minLength: 100 }),
      (text) => {
        const shown = nameOf(text.toWellFormed());
        assert.equal(shown, shown.toWellFormed());
        assert.ok(shown.length <= LONGEST_NAME + 3);
      },
    ),
  );
});
