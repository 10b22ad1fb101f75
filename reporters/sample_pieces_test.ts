import assert from "node:assert/strict";
import fc from "fast-check";
import type { Sample } from "../plugins/mod.ts";
import { plainJson } from "./plain_json.ts";
import { samplePieces } from "./sample_pieces.ts";
import { goodSample } from "../tests/support/samples.ts";

function sampleWith(deltas: number, chunks: number): Sample {
  return {
    ...goodSample,
    deltas: Array.from({ length: deltas }, (_, i) => ({
      atMs: i === 7 ? NaN : i,
      kind: "text" as const,
      text: `[${i}],`,
    })),
    audioSent: Array.from({ length: chunks }, (_, i) => ({
      atMs: i,
      endMs: i,
    })),
  };
}

Deno.test("samplePieces() are together the line of the sample, however long", () => {
  fc.assert(
    fc.property(
      fc.nat(3500),
      fc.nat(3500),
      (deltas, chunks) => {
        const sample = sampleWith(deltas, chunks);
        const pieces = [...samplePieces(sample)];
        const text = pieces.map((piece) => piece.text()).join("");
        assert.match(text, /^[^\n]+\n$/);
        assert.deepEqual(
          JSON.parse(text),
          JSON.parse(plainJson({ schema: "earshot.sample/1", ...sample })),
        );
        const weight = pieces.reduce((sum, piece) => sum + piece.weight, 0);
        assert.equal(weight, 5 + deltas + chunks);
      },
    ),
    { numRuns: 30, examples: [[0, 0], [1000, 0], [1001, 0], [0, 2000]] },
  );
});

Deno.test("samplePieces() makes no piece that would hold up a run", () => {
  const pieces = [...samplePieces(sampleWith(100_000, 100_000))];
  for (const piece of pieces) {
    assert.ok(piece.weight <= 1000 && piece.text().length < 100_000);
  }
});

Deno.test("samplePieces() has one piece of a sample of usual length, its keys in their order", () => {
  const [piece, ...others] = [...samplePieces(goodSample)];
  assert.deepEqual(others, []);
  assert.equal(
    piece?.text(),
    `${JSON.stringify({ schema: "earshot.sample/1", ...goodSample })}\n`,
  );
});
