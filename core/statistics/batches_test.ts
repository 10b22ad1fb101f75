import assert from "node:assert/strict";
import fc from "fast-check";
import { Batches } from "./batches.ts";
import { sum } from "./ratio.ts";

type Entry = readonly [id: number, row: string, amount: number];

function filled(entries: readonly Entry[]): Batches {
  const batches = new Batches();
  for (const entry of entries) batches.add(...entry);
  return batches;
}

Deno.test("requests are grouped by consecutive ids, in the fewest steps of two", () => {
  const batches = new Batches();
  for (let id = 0; id < 64; id++) batches.add(id, "n");
  assert.deepEqual(batches.sums("n"), Array(64).fill(1));
  batches.add(64, "n");
  assert.deepEqual(batches.sums("n"), [...Array(32).fill(2), 1]);
  assert.deepEqual(batches.sums("other"), Array(33).fill(0));
});

Deno.test("a stage may begin at any id", () => {
  const batches = new Batches();
  const first = 2 ** 40 + 17;
  for (let i = 0; i < 100; i++) batches.add(first + i, "n");
  const sums = batches.sums("n");
  assert.deepEqual(sums, [1, ...Array(49).fill(2), 1]);
});

Deno.test("no requests are no batches", () => {
  assert.deepEqual(new Batches().sums("n"), []);
  const merged = filled([[5, "n", 2]]);
  merged.merge(new Batches());
  assert.deepEqual(merged.sums("n"), [2]);
});

Deno.test("batches do not depend on the order of requests, nor on how they are merged", () => {
  const entry = fc.tuple(
    fc.oneof(fc.nat(100), fc.nat(5000), fc.nat(2 ** 40)),
    fc.constantFrom("a", "b", "c"),
    fc.integer({ min: 1, max: 9 }),
    fc.nat(3),
  );
  fc.assert(fc.property(fc.array(entry, { maxLength: 80 }), (entries) => {
    const all = entries.map(([id, row, amount]): Entry => [id, row, amount]);
    const whole = filled(all);
    const merged = new Batches();
    for (const part of [0, 1, 2, 3]) {
      merged.merge(filled(all.filter((_, i) => entries[i]![3] === part)));
    }
    const reversed = filled(all.toReversed());
    for (const row of ["a", "b", "c"]) {
      assert.deepEqual(merged.sums(row), whole.sums(row));
      assert.deepEqual(reversed.sums(row), whole.sums(row));
      const expected = all.filter(([, name]) => name === row);
      assert.equal(
        sum(whole.sums(row)),
        sum(expected.map(([, , amount]) => amount)),
      );
    }
    assert.ok(whole.sums("a").length <= 64);
  }));
});
