import assert from "node:assert/strict";
import { random } from "../../lib/random.ts";
import { shareBounds } from "./distributions.ts";
import {
  effectiveCounts,
  estimateRatio,
  pairs,
  ratioBounds,
  shareRatioBounds,
} from "./ratio.ts";

const twenty = (of: (i: number) => number) =>
  Array.from({ length: 20 }, (_, i) => of(i));

Deno.test("a ratio of equal batches has the variance of the mean of its batches", () => {
  const y = twenty((i) => i % 2), x = twenty(() => 1);
  const { ratio, variance, degreesOfFreedom } = estimateRatio({ y, x })!;
  assert.equal(ratio, 0.5);
  assert.equal(degreesOfFreedom, 19);
  assert.ok(Math.abs(variance - 0.25 / 19) < 1e-12);
});

Deno.test("too few batches with values give no variance", () => {
  const x = twenty((i) => i < 9 ? 5 : 0), y = twenty(() => 0);
  assert.equal(estimateRatio({ y, x }), undefined);
  assert.equal(effectiveCounts({ y, x }), undefined);
});

Deno.test("independent values keep their counts, and those that come together lose theirs", () => {
  const draw = random(1, "test");
  const x = twenty(() => 500);
  const independent = twenty(() => {
    let hits = 0;
    for (let i = 0; i < 500; i++) if (draw() < 0.1) hits++;
    return hits;
  });
  const factor = effectiveCounts({ y: independent, x })!.varianceFactor;
  assert.ok(factor < 2, `${factor}`);
  const together = effectiveCounts({ y: twenty((i) => i < 2 ? 500 : 0), x })!;
  assert.ok(together.varianceFactor > 400);
  assert.ok(together.n < 25);
  assert.ok(Math.abs(together.failures / together.n - 0.1) < 1e-12);
  const none = effectiveCounts({ y: twenty(() => 0), x })!;
  assert.deepEqual(none, { failures: 0, n: 10_000, varianceFactor: 1 });
});

Deno.test("bounds of a ratio lie around it, and are absent where nothing was counted", () => {
  const y = twenty((i) => 40 + i % 5), x = twenty(() => 1000);
  const { lower, upper } = ratioBounds({ y, x }, 0.95)!;
  assert.ok(lower < 0.042 && upper > 0.042);
  const wider = ratioBounds({ y, x }, 0.99)!;
  assert.ok(wider.lower < lower && wider.upper > upper);
  assert.equal(ratioBounds({ y: twenty(() => 0), x }, 0.95), undefined);
});

Deno.test("bounds of a share without failures are those of as many independent values", () => {
  const x = twenty(() => 10);
  const none = shareRatioBounds({ y: twenty(() => 0), x }, 0.95)!;
  assert.deepEqual(none, shareBounds({ failures: 0, n: 200 }, 0.95));
  const one = twenty((i) => i === 7 ? 1 : 0);
  const { upper } = shareRatioBounds({ y: one, x }, 0.95)!;
  assert.ok(upper > none.upper && upper < 2.5 * none.upper, `${upper}`);
});

Deno.test("counts are reduced further for the uncertainty of the factor", () => {
  const sums = { y: twenty((i) => i % 4 * 5), x: twenty(() => 50) };
  const counts = effectiveCounts(sums)!;
  const certain = effectiveCounts(sums, { confidence: 0.95 })!;
  assert.ok(certain.n < counts.n);
  assert.equal(certain.varianceFactor, counts.varianceFactor);
});

Deno.test("pairs() joins neighbours", () => {
  assert.deepEqual(pairs([1, 2, 3, 4, 5]), [3, 7, 5]);
});
