import assert from "node:assert/strict";
import { Bins } from "./bins.ts";

function counts(from?: number) {
  return new Bins<{ n: number }>({
    max: 4,
    width: 10,
    ...(from !== undefined && { from }),
    create: () => ({ n: 0 }),
    merge: (into, other) => into.n += other.n,
  });
}

Deno.test("bins double their width where there would be too many", () => {
  const bins = counts(0);
  for (const position of [3, 12, 15, 39.9]) bins.at(position).n++;
  assert.equal(bins.width, 10);
  assert.deepEqual([...bins.entries()], [
    [0, { n: 1 }],
    [10, { n: 2 }],
    [20, undefined],
    [30, { n: 1 }],
  ]);
  bins.at(40).n++;
  assert.equal(bins.width, 20);
  assert.deepEqual([...bins.entries()], [
    [0, { n: 3 }],
    [20, { n: 1 }],
    [40, { n: 1 }],
  ]);
  bins.at(3).n++;
  assert.equal(bins.at(19).n, 4);
});

Deno.test("positions must be numbers from 0 on", () => {
  for (const position of [-1, NaN, Infinity]) {
    assert.throws(() => counts().at(position), RangeError);
  }
});
