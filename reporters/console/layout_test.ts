import assert from "node:assert/strict";
import fc from "fast-check";
import { plain } from "../summary/text.ts";
import { displayWidth, truncate, wrap, wrapWords } from "./layout.ts";

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
