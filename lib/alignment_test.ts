import assert from "node:assert/strict";
import fc from "fast-check";
import { align, type Alignment, finish } from "./alignment.ts";

function aligned(a: ArrayLike<number>, b: ArrayLike<number>): Alignment {
  return finish(align(Int32Array.from(a), Int32Array.from(b)));
}

/** Sequences over few values, up to several words of bits long. */
const sequences = fc.tuple(
  fc.integer({ min: 1, max: 12 }),
  fc.infiniteStream(fc.nat()),
  fc.nat(320),
  fc.nat(320),
).map(([values, stream, n, m]) => {
  const next = () => stream.next().value! % values;
  return [Array.from({ length: n }, next), Array.from({ length: m }, next)];
});

/** A sequence, and what a few errors make of it. */
const alike = fc.tuple(
  fc.array(fc.nat(3), { maxLength: 500 }),
  fc.infiniteStream(fc.nat(39)),
).map(([a, draws]) => {
  const b = a.flatMap((value) => {
    const draw = draws.next().value!;
    if (draw === 0) return [];
    if (draw === 1) return [9];
    return draw === 2 ? [value, 9] : draw === 3 ? [value, value] : [value];
  });
  return [a, b];
});

Deno.test("align() agrees with a plain full table, whatever the sequences", () => {
  fc.assert(
    fc.property(fc.oneof(sequences, alike), ([a, b]) => {
      assert.deepEqual(aligned(a!, b!), fullTable(a!, b!));
    }),
    { numRuns: 400 },
  );
});

Deno.test("align() takes values below 0 as equal to nothing", () => {
  assert.deepEqual(aligned([0, 1, 2], [-1, 1, -1]), {
    errors: 2,
    substitutions: 2,
  });
});

Deno.test("align() aligns 16,000 words that have nothing in common, and 46,000 characters that have much", () => {
  const words = Array.from({ length: 16_000 }, (_, i) => i);
  assert.deepEqual(aligned(words, words.map(() => -1)), {
    errors: 16_000,
    substitutions: 16_000,
  });
  const characters = Array.from({ length: 46_000 }, (_, i) => i * i % 29);
  const recognized = characters.flatMap((value, i) =>
    i % 100 === 7 ? [] : [i % 100 === 40 ? -1 : value]
  );
  assert.deepEqual(aligned(characters, recognized), {
    errors: 920,
    substitutions: 460,
  });
});

Deno.test("align() works in slices, none of them long", () => {
  const long = Array.from({ length: 20_000 }, (_, i) => i * 7919 % 31);
  const other = Array.from({ length: 20_000 }, (_, i) => i * 104_729 % 37);
  const work = align(Int32Array.from(long), Int32Array.from(other));
  let slices = 1;
  while (!work.next().done) slices++;
  assert.ok(slices > 100, `${slices} slices`);
});

/** Fewest errors, and fewest substitutions among these, by Levenshtein's whole table of pairs. */
function fullTable(a: readonly number[], b: readonly number[]): Alignment {
  const unit = a.length + b.length + 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j * unit);
  for (const [i, value] of a.entries()) {
    const next = [(i + 1) * unit];
    for (const [j, other] of b.entries()) {
      const through = row[j]! + (value === other ? 0 : unit + 1);
      next.push(Math.min(through, row[j + 1]! + unit, next[j]! + unit));
    }
    row = next;
  }
  const cost = row.at(-1)!;
  return { errors: Math.floor(cost / unit), substitutions: cost % unit };
}
