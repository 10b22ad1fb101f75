import assert from "node:assert/strict";
import fc from "fast-check";
import { Lowest } from "./lowest.ts";

Deno.test("Lowest keeps the items with the lowest keys, whatever their order", () => {
  const keys = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 });
  fc.assert(fc.property(keys, fc.nat({ max: 10 }), (keys, limit) => {
    const entries = keys.map((key, id) => ({ key, id }));
    const expected = [...entries].sort((a, b) => a.key - b.key || a.id - b.id)
      .slice(0, limit).map(({ id }) => id);
    for (const order of [entries, entries.toReversed()]) {
      const lowest = new Lowest<number>(limit);
      for (const { key, id } of order) lowest.add(key, id, () => id);
      assert.deepEqual(lowest.items(), expected);
    }
  }));
});

Deno.test("Lowest makes only the items that it keeps", () => {
  const lowest = new Lowest<number>(2);
  let made = 0;
  for (let id = 0; id < 1000; id++) lowest.add(id, id, () => ++made);
  assert.equal(made, 2);
  assert.deepEqual(lowest.items(1), [1]);
});
