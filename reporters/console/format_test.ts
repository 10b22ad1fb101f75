import assert from "node:assert/strict";
import fc from "fast-check";
import {
  displayWidth,
  formatValue,
  percent,
  plain,
  rounded,
  seconds,
  times,
  truncate,
  wrap,
  wrapWords,
} from "./format.ts";

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

Deno.test("displayWidth() counts wide characters twice and no marks", () => {
  assert.equal(displayWidth("日本 e\u0301"), 6);
  assert.equal(displayWidth("\u001b[1mab\u001b[22m"), 2);
});

Deno.test("truncate() never exceeds its width and keeps what fits", () => {
  fc.assert(fc.property(
    fc.string({ unit: "grapheme" }),
    fc.integer({ min: 1, max: 40 }),
    (text, width) => {
      const source = plain(text);
      const cut = truncate(source, width);
      assert.ok(displayWidth(cut) <= width);
      if (displayWidth(source) <= width) assert.equal(cut, source);
    },
  ));
});

Deno.test("wrap() keeps every part whole and in order in lines that fit", () => {
  fc.assert(fc.property(
    fc.array(fc.stringMatching(/^[a-z]{1,20}$/)),
    fc.integer({ min: 24, max: 60 }),
    (pieces, width) => {
      const lines = wrap(pieces, { width, label: "x  " });
      for (const line of lines) assert.ok(line.length <= width);
      const text = lines.map((line) => line.slice(3)).join(" · ");
      assert.equal(text, pieces.join(" · "));
    },
  ));
});

Deno.test("wrap() returns no lines without parts", () => {
  assert.deepEqual(wrap([], { width: 20, label: "rates  " }), []);
});

Deno.test("wrapWords() indents further lines by the label", () => {
  assert.deepEqual(
    wrapWords("one two three", { width: 12, label: "why " }),
    ["why one two", "    three"],
  );
});

const cases: [number, string][] = [
  [0, "0.0"],
  [0.004, "0.004"],
  [0.0000312, "0.00003"],
  [-0.004, "-0.004"],
  [0.06, "0.06"],
  [0.0949, "0.09"],
  [0.095, "0.1"],
  [9.94, "9.9"],
  [9.95, "10"],
  [-12.4, "-12"],
  [4218.4, "4218"],
  [9_999_999, "9999999"],
  [12_345_678, "1.2e+7"],
];

for (const [value, text] of cases) {
  Deno.test(`rounded() formats ${value} as ${text}`, () => {
    assert.equal(rounded(value), text);
  });
}

Deno.test("formatValue() formats whole counts without decimals and ratios near 1 with two", () => {
  assert.equal(formatValue(4, "tokens"), "4");
  assert.equal(formatValue(4.5, "count"), "4.5");
  assert.equal(formatValue(4, "ms"), "4.0");
  assert.equal(formatValue(0.974, "ratio"), "0.97");
  assert.equal(formatValue(31.2, "ratio"), "31");
});

Deno.test("percent(), seconds() and times() include their unit", () => {
  assert.equal(percent(0.0312), "3.1 %");
  assert.equal(percent(0.0003), "0.03 %");
  assert.equal(percent(0), "0 %");
  assert.equal(percent(0.00004), "0.004 %");
  assert.equal(percent(0.9995), "> 99.9 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(1.344), "134 %");
  assert.equal(seconds(30_000), "30.0 s");
  assert.equal(times(7.94), "7.9x");
  assert.equal(times(28.4), "28x");
});
