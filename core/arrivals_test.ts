import assert from "node:assert/strict";
import fc from "fast-check";
import { constantArrivals, poissonArrivals } from "./arrivals.ts";
import { random } from "../lib/random.ts";

function take(count: number, starts: Iterator<number>): number[] {
  return Array.from({ length: count }, () => starts.next().value!);
}

function gapsOf(starts: readonly number[]): number[] {
  return starts.map((atMs, i) => atMs - (starts[i - 1] ?? 0));
}

Deno.test("constantArrivals() starts at 0 and continues at even gaps", () => {
  assert.deepEqual(take(5, constantArrivals(4)), [0, 250, 500, 750, 1000]);
  assert.deepEqual(take(3, constantArrivals(0.1)), [0, 10_000, 20_000]);
});

Deno.test("constantArrivals() does not drift: each start is computed from its index", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1e5, noNaN: true }), (rate) => {
      const starts = take(2000, constantArrivals(rate));
      assert.equal(starts[1999], 1999 * 1000 / rate);
    }),
    { numRuns: 20 },
  );
  assert.equal(take(3001, constantArrivals(3))[3000], 1_000_000);
});

Deno.test("poissonArrivals() gives ascending starts, the same for the same seed", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const starts = take(200, poissonArrivals(50, random(seed, "arrivals")));
      assert.ok(gapsOf(starts).every((gap) => gap >= 0));
      assert.deepEqual(
        take(200, poissonArrivals(50, random(seed, "arrivals"))),
        starts,
      );
    }),
    { numRuns: 20 },
  );
});

Deno.test("poissonArrivals() scales with the rate: twice as fast, half as far", () => {
  const slow = take(100, poissonArrivals(10, random(3, "arrivals")));
  const fast = take(100, poissonArrivals(20, random(3, "arrivals")));
  for (const [i, atMs] of slow.entries()) {
    assert.ok(Math.abs(atMs - 2 * fast[i]!) < 1e-6);
  }
});

for (const seed of [1, 2, 3]) {
  Deno.test(`poissonArrivals() has exponentially distributed gaps (seed ${seed})`, () => {
    const n = 20_000, rate = 40, meanMs = 1000 / rate;
    const gaps = gapsOf(
      take(n, poissonArrivals(rate, random(seed, "arrivals"))),
    );
    const mean = gaps.reduce((a, b) => a + b) / n;
    assert.ok(Math.abs(mean / meanMs - 1) < 4 / Math.sqrt(n), `mean ${mean}`);
    // Kolmogorov and Smirnov: exceeded by chance in one seed of some 10,000
    const distance = ksDistance(gaps, (ms) => 1 - Math.exp(-ms / meanMs));
    assert.ok(distance < 2.23 / Math.sqrt(n), `distance ${distance}`);
  });

  Deno.test(`poissonArrivals() has independent counts: variance ÷ mean is about 1 (seed ${seed})`, () => {
    const seconds = 2000, rate = 25;
    const counts = new Float64Array(seconds);
    for (const atMs of poissonArrivals(rate, random(seed, "arrivals"))) {
      if (atMs >= seconds * 1000) break;
      counts[Math.floor(atMs / 1000)]!++;
    }
    const mean = counts.reduce((a, b) => a + b) / seconds;
    const variance = counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) /
      (seconds - 1);
    assert.ok(Math.abs(mean - rate) < 4 * Math.sqrt(rate / seconds));
    assert.ok(Math.abs(variance / mean - 1) < 4 * Math.sqrt(2 / seconds));
  });
}

Deno.test("constantArrivals() and poissonArrivals() reject an invalid rate", () => {
  for (const rate of [0, -1, NaN, Infinity]) {
    const message = `ratePerSecond must be a positive number, but was ${rate}`;
    assert.throws(() => constantArrivals(rate).next(), {
      name: "RangeError",
      message,
    });
    assert.throws(() => poissonArrivals(rate, random(1, "a")).next(), {
      message,
    });
  }
});

/** Largest distance between what was drawn and a distribution function. */
function ksDistance(values: number[], cdf: (value: number) => number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.reduce((largest, value, i) => {
    const expected = cdf(value);
    const above = (i + 1) / sorted.length - expected;
    const below = expected - i / sorted.length;
    return Math.max(largest, above, below);
  }, 0);
}
