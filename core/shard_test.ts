import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../lib/random.ts";
import { constantArrivals, poissonArrivals } from "./arrivals.ts";
import { checkShard, shareOf, takeShard } from "./shard.ts";

const counts = fc.integer({ min: 1, max: 9 });

function shards(count: number) {
  return Array.from({ length: count }, (_, index) => ({ index, count }));
}

function* first(items: Iterable<number>, n: number) {
  if (n === 0) return;
  for (const item of items) {
    yield item;
    if (--n === 0) return;
  }
}

Deno.test("takeShard() partitions arrivals: together the shards are the whole", () => {
  const load = fc.record({
    count: counts,
    seed: fc.integer(),
    rate: fc.integer({ min: 1, max: 1000 }),
    n: fc.integer({ min: 0, max: 200 }),
    isPoisson: fc.boolean(),
  });
  fc.assert(fc.property(load, ({ count, seed, rate, n, isPoisson }) => {
    const arrivals = () =>
      first(
        isPoisson
          ? poissonArrivals(rate, random(seed, "arrivals"))
          : constantArrivals(rate),
        n,
      );
    const parts = shards(count).map((shard) => [
      ...takeShard(arrivals(), shard),
    ]);
    assert.deepEqual(
      parts.flat().sort((a, b) => a - b),
      [...arrivals()],
    );
    for (const [index, part] of parts.entries()) {
      assert.deepEqual(part, part.toSorted((a, b) => a - b));
      assert.equal(part.length, shareOf(n, { index, count }));
    }
  }));
});

Deno.test("shareOf() gives shares that add up to the total and differ by 1 at most", () => {
  fc.assert(fc.property(counts, fc.nat(1000), (count, total) => {
    const shares = shards(count).map((shard) => shareOf(total, shard));
    assert.equal(shares.reduce((sum, share) => sum + share, 0), total);
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
  }));
  assert.equal(shareOf(Infinity, { index: 1, count: 3 }), Infinity);
});

Deno.test("checkShard() refuses a shard that does not exist", () => {
  checkShard({ index: 0, count: 1 });
  checkShard({ index: 2, count: 3 });
  assert.throws(() => checkShard({ index: 3, count: 3 }), {
    name: "UsageError",
    message: "shard.index must be a whole number from 0 to 2, but was 3",
  });
  assert.throws(() => checkShard({ index: 0, count: 0.5 }), {
    message: "shard.count must be a whole number from 1 on, but was 0.5",
  });
});
