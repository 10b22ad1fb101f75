import assert from "node:assert/strict";
import fc from "fast-check";
import { orderOf } from "./order.ts";

const count = fc.nat(300);
const limit = fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined });
const seed = fc.integer();
const pass = fc.nat(5);

Deno.test("orderOf() is the data's own order without shuffling, in every pass", () => {
  fc.assert(
    fc.property(count, limit, seed, pass, (count, limit, seed, pass) => {
      const order = orderOf(count, { shuffle: false, limit, seed, pass });
      const length = Math.min(count, limit ?? count);
      assert.deepEqual(order, Array.from({ length }, (_, i) => i));
    }),
  );
});

Deno.test("orderOf() shuffles all items, each once", () => {
  fc.assert(fc.property(count, seed, pass, (count, seed, pass) => {
    const order = orderOf(count, { shuffle: true, seed, pass });
    const sorted = order.toSorted((a, b) => a - b);
    assert.deepEqual(sorted, Array.from({ length: count }, (_, i) => i));
  }));
});

Deno.test("orderOf() is the same for the same seed and pass", () => {
  fc.assert(
    fc.property(count, limit, seed, pass, (count, limit, seed, pass) => {
      const options = { shuffle: true, limit, seed, pass };
      assert.deepEqual(orderOf(count, options), orderOf(count, options));
    }),
  );
});

Deno.test("orderOf() keeps the same items in every pass: the first ones of pass 0", () => {
  fc.assert(
    fc.property(count, limit, seed, pass, (count, limit, seed, pass) => {
      const all = orderOf(count, { shuffle: true, seed, pass: 0 });
      const kept = orderOf(count, { shuffle: true, limit, seed, pass });
      assert.deepEqual(kept.toSorted(), all.slice(0, limit).toSorted());
    }),
  );
});

Deno.test("orderOf() gives seeds and passes orders of their own", () => {
  const of = (seed: number, pass: number) =>
    orderOf(50, { shuffle: true, seed, pass }).join();
  const orders = [of(1, 0), of(1, 1), of(1, 2), of(2, 0), of(2, 1)];
  assert.equal(new Set(orders).size, orders.length);
});

Deno.test("orderOf() puts each item in each place about equally often", () => {
  const places = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  for (let seed = 0; seed < 4000; seed++) {
    const order = orderOf(4, { shuffle: true, seed, pass: 0 });
    order.forEach((item, place) => places[item]![place]!++);
  }
  // 1,000 expected; the standard deviation is 27.
  for (const n of places.flat()) assert.ok(n > 850 && n < 1150, `${n}`);
});
