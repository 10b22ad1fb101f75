import assert from "node:assert/strict";
import fc from "fast-check";
import { joinedText } from "./joined_text.ts";

Deno.test("joinedText() is the text of all pieces, whenever it is asked for", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary" }), { maxLength: 3000, size: "max" }),
      fc.nat(3000),
      (pieces, early) => {
        const text = joinedText();
        for (const [i, piece] of pieces.entries()) {
          if (i === early) {
            assert.equal(String(text), pieces.slice(0, i).join(""));
          }
          text.add(piece);
        }
        assert.equal(String(text), pieces.join(""));
        assert.equal(String(text), pieces.join(""));
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("joinedText() takes a few bytes for each short piece", () => {
  const before = Deno.memoryUsage().heapUsed;
  const texts = Array.from({ length: 10 }, joinedText);
  for (let i = 0; i < 2_000_000; i++) texts[i % 10]!.add(`w${i % 1000} `);
  const bytes = Deno.memoryUsage().heapUsed - before;
  assert.equal(texts.map(String).join("").length, 9_780_000);
  // With `+=` it is some 110 MB.
  assert.ok(bytes < 60e6, `${bytes} bytes for 10 MB of text`);
});
