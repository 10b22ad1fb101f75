import assert from "node:assert/strict";
import fc from "fast-check";
import {
  betaQuantile,
  meanInterval,
  normalCdf,
  normalQuantile,
  regularizedBeta,
  shareBounds,
  studentCdf,
  studentQuantile,
} from "./distributions.ts";

function assertNear(actual: number, expected: number, error = 1e-9): void {
  assert.ok(
    Math.abs(actual - expected) <= error * Math.max(1e-3, Math.abs(expected)),
    `${actual} is not ${expected}`,
  );
}

Deno.test("normal quantiles and shares are those of published tables", () => {
  assertNear(normalQuantile(0.975), 1.959963984540054);
  assertNear(normalQuantile(0.995), 2.575829303548901);
  assertNear(normalQuantile(0.9), 1.2815515655446004);
  assertNear(normalQuantile(1e-10), -6.361340902404056);
  assertNear(normalCdf(1), 0.8413447460685429);
  assertNear(normalCdf(-5), 2.866515718791939e-7);
  assertNear(normalCdf(0), 0.5);
  assert.equal(normalQuantile(0), -Infinity);
  assert.equal(normalQuantile(1), Infinity);
  assert.throws(() => normalQuantile(1.1), RangeError);
});

Deno.test("Student t quantiles are those of published tables", () => {
  const table: [p: number, df: number, t: number][] = [
    [0.975, 1, 12.7062],
    [0.975, 2, 4.30265],
    [0.975, 9, 2.26216],
    [0.95, 15, 1.75305],
    [0.995, 30, 2.75],
    [0.9995, 4, 8.6103],
    [0.975, 1e6, 1.95997],
    [0.6, 5, 0.267181],
  ];
  for (const [p, df, t] of table) assertNear(studentQuantile(p, df), t, 5e-6);
  assertNear(studentCdf(2.2621571627982, 9), 0.975);
});

Deno.test("the incomplete beta function has its closed forms", () => {
  assertNear(regularizedBeta(0.3, 2, 5), 0.579825);
  assertNear(regularizedBeta(0.2, 1, 7), 1 - 0.8 ** 7);
  assertNear(regularizedBeta(0.2, 7, 1), 0.2 ** 7);
  assertNear(regularizedBeta(0.25, 0.5, 0.5), 1 / 3);
  assertNear(regularizedBeta(0.5, 1e5, 1e5), 0.5, 1e-8);
});

const share = fc.double({ min: 0.0001, max: 0.9999, noNaN: true });

Deno.test("quantile functions are the inverses of the distributions", () => {
  const size = fc.double({ min: 1, max: 3000, noNaN: true });
  fc.assert(fc.property(share, size, size, (p, a, b) => {
    assertNear(regularizedBeta(betaQuantile(p, a, b), a, b), p, 1e-6);
    assertNear(normalCdf(normalQuantile(p)), p);
    assertNear(studentCdf(studentQuantile(p, a), a), p, 1e-6);
  }));
});

Deno.test("the incomplete beta function is symmetric and rises", () => {
  const size = fc.double({ min: 0.1, max: 500, noNaN: true });
  fc.assert(fc.property(share, share, size, size, (x, y, a, b) => {
    const [low, high] = [Math.min(x, y), Math.max(x, y)];
    const at = regularizedBeta(low, a, b);
    assert.ok(at <= regularizedBeta(high, a, b) + 1e-12);
    assertNear(at, 1 - regularizedBeta(1 - low, b, a));
  }));
});

Deno.test("shareBounds() gives the published exact bounds", () => {
  const bounds = (failures: number, n: number, confidence = 0.95) => {
    const { lower, upper } = shareBounds({ failures, n }, confidence);
    return [Number(lower.toFixed(4)), Number(upper.toFixed(4))];
  };
  assert.deepEqual(bounds(0, 10), [0, 0.3085]);
  assert.deepEqual(bounds(10, 10), [0.6915, 1]);
  assert.deepEqual(bounds(2, 20), [0.0123, 0.317]);
  assert.deepEqual(bounds(10, 100, 0.99), [0.0382, 0.202]);
  assert.deepEqual(bounds(81, 263), [0.2527, 0.3676]);
  assert.deepEqual(shareBounds({ failures: 0, n: 0 }, 0.95), {
    lower: 0,
    upper: 1,
  });
  assert.throws(() => shareBounds({ failures: 3, n: 2 }, 0.95), {
    message: "failures must be between 0 and n, but was 3 of 2",
  });
});

Deno.test("bounds contain the share, and shrink as counts grow, whole or not", () => {
  const counts = fc.tuple(share, fc.double({ min: 1, max: 1e5, noNaN: true }));
  fc.assert(fc.property(counts, share, ([p, n], confidence) => {
    const one = shareBounds({ failures: p * n, n }, confidence);
    assert.ok(one.lower <= p && p <= one.upper);
    const four = shareBounds({ failures: 4 * p * n, n: 4 * n }, confidence);
    assert.ok(four.upper - four.lower < one.upper - one.lower);
  }));
});

Deno.test("meanInterval() is Student's interval of a mean", () => {
  const { mean, lower, upper } = meanInterval([9, 10, 11], 0.95)!;
  assert.equal(mean, 10);
  assertNear(upper - mean, 4.302652729911 / Math.sqrt(3));
  assertNear(mean - lower, upper - mean);
  assert.deepEqual(meanInterval([5, 5], 0.95), { mean: 5, lower: 5, upper: 5 });
  assert.equal(meanInterval([5], 0.95), undefined);
});

Deno.test("exact bounds fail at most as often as they state, for any share", () => {
  const n = 40;
  for (const p of [0.01, 0.05, 0.2, 0.5]) {
    let outside = 0, mass = (1 - p) ** n;
    for (let k = 0; k <= n; k++) {
      const { lower, upper } = shareBounds({ failures: k, n }, 0.9);
      if (p < lower || p > upper) outside += mass;
      mass *= (n - k) / (k + 1) * p / (1 - p);
    }
    assert.ok(outside <= 0.1, `${p}: ${outside}`);
  }
});
