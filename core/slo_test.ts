import assert from "node:assert/strict";
import fc from "fast-check";
import { judgeObjectives, maxErrorRate, parseObjective } from "./slo.ts";

Deno.test("maxErrorRate() is written as a share in percent, and read again", () => {
  assert.equal(maxErrorRate(0.05).text, "errorRate<=5%");
  assert.equal(maxErrorRate(0.07).text, "errorRate<=7%");
  assert.equal(maxErrorRate(0).text, "errorRate<=0%");
  assert.equal(maxErrorRate(0.001).text, "errorRate<=0.1%");
  fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
    const read = parseObjective(maxErrorRate(share).text);
    assert.ok(Math.abs(read.maxErrorRate - share) <= share * 1e-11);
  }));
});

Deno.test("maxErrorRate() refuses what is no share, and parseObjective() what it does not know", () => {
  for (const share of [-0.1, 1.1, 5, NaN, Infinity]) {
    assert.throws(() => maxErrorRate(share), {
      name: "UsageError",
      message: `maxErrorRate must be between 0 and 1, but was ${share}`,
    });
  }
  for (const text of ["", "ttft.p95<200ms", "errorRate<=x%", "errorRate<=5"]) {
    assert.throws(() => parseObjective(text), { name: "UsageError" });
  }
});

Deno.test("judgeObjectives() passes up to the limit, the limit itself included, and misses without data", () => {
  const limit = [maxErrorRate(0.05)];
  const judged = (errorRate?: number) =>
    judgeObjectives(limit, errorRate === undefined ? {} : { errorRate });
  const objective = "errorRate<=5%";
  assert.deepEqual(judged(0), [{ objective, value: 0, pass: true }]);
  assert.deepEqual(judged(0.05), [{ objective, value: 0.05, pass: true }]);
  assert.deepEqual(judged(0.0501), [{ objective, value: 0.0501, pass: false }]);
  assert.deepEqual(judged(), [{ objective, pass: false }]);
  assert.deepEqual(judgeObjectives([], { errorRate: 1 }), []);
});
