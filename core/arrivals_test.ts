import assert from "node:assert/strict";
import fc from "fast-check";
import {
  constantArrivals,
  gammaArrivals,
  poissonArrivals,
  rescaledArrivals,
} from "./arrivals.ts";
import { random } from "../lib/random.ts";
import {
  countsOf,
  dispersionOf,
  gammaCdf,
  gapsOf,
  ksDistance,
  lag1Of,
} from "../tests/support/statistics.ts";

function take(count: number, starts: Iterator<number, unknown>): number[] {
  return Array.from({ length: count }, () => starts.next().value as number);
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
    const starts = poissonArrivals(rate, random(seed, "arrivals"));
    const counts = countsOf(starts, seconds * 1000, 1000);
    const mean = counts.reduce((a, b) => a + b) / seconds;
    assert.ok(Math.abs(mean - rate) < 4 * Math.sqrt(rate / seconds));
    const dispersion = dispersionOf(counts);
    assert.ok(Math.abs(dispersion - 1) < 4 * Math.sqrt(2 / seconds));
  });

  for (const burstiness of [0.2, 0.5, 1, 4]) {
    Deno.test(`gammaArrivals() has independent, gamma-distributed gaps (burstiness ${burstiness}, seed ${seed})`, () => {
      const n = 20_000, rate = 40, meanMs = 1000 / rate;
      const starts = take(
        n,
        gammaArrivals(rate, burstiness, random(seed, "arrivals")),
      );
      const gaps = gapsOf(starts);
      const mean = gaps.reduce((a, b) => a + b) / n;
      const sd = Math.sqrt(1 / burstiness);
      assert.ok(Math.abs(mean / meanMs - 1) < 4 * sd / Math.sqrt(n));
      const cdf = (ms: number) =>
        gammaCdf(burstiness, ms * burstiness / meanMs);
      const distance = ksDistance(gaps, cdf);
      assert.ok(distance < 2.23 / Math.sqrt(n), `distance ${distance}`);
      assert.ok(Math.abs(lag1Of(gaps)) < 4 / Math.sqrt(n));
      // Of a renewal process, the dispersion of counts in long windows is the gaps' squared coefficient of variation.
      const windowMs = 100 * meanMs, endMs = starts.at(-1)!;
      const windows = Math.floor(endMs / windowMs);
      const counts = countsOf(starts, windows * windowMs, windowMs);
      const ratio = dispersionOf(counts) * burstiness;
      assert.ok(
        Math.abs(ratio - 1) < 0.15 + 4 * Math.sqrt(2 / windows),
        `${ratio}`,
      );
    });
  }
}

Deno.test("gammaArrivals() gives ascending starts, the same for the same seed", () => {
  const cases = fc.record({
    seed: fc.nat(),
    burstiness: fc.double({ min: 0.01, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(cases, ({ seed, burstiness }) => {
      const draw = () =>
        take(100, gammaArrivals(50, burstiness, random(seed, "arrivals")));
      assert.ok(gapsOf(draw()).every((gap) => gap >= 0));
      assert.deepEqual(draw(), draw());
    }),
    { numRuns: 20 },
  );
});

Deno.test("gammaArrivals() rejects an invalid rate and burstiness", () => {
  const draw = random(1, "a");
  assert.throws(() => gammaArrivals(0, 1, draw).next(), {
    message: "ratePerSecond must be a positive number, but was 0",
  });
  assert.throws(() => gammaArrivals(1, -1, draw).next(), {
    name: "RangeError",
    message: "burstiness must be a positive number, but was -1",
  });
});

Deno.test("rescaledArrivals() moves each start to the time by which as many requests are expected", () => {
  const doubled = rescaledArrivals(constantArrivals(1), (n) => n * 500);
  assert.deepEqual(take(3, doubled), [0, 500, 1000]);
  const rounded = rescaledArrivals([1000, 2000], (n) => 5 - n);
  assert.deepEqual([...rounded], [4, 4], "they never descend");
});

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
