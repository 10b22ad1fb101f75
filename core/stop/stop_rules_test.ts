import assert from "node:assert/strict";
import fc from "fast-check";
import type { StopRules } from "../config.ts";
import {
  checkStopRules,
  conflictOf,
  cooldownOf,
  rulesOfStage,
  warmupOf,
} from "./stop_rules.ts";

Deno.test("a rule of a stage takes the place of the run's, in whatever way it is given", () => {
  const run = { warmupRequests: 100, cooldownAuto: true, requests: 10 };
  assert.deepEqual(rulesOfStage(run, { warmupMs: 5000, errors: 3 }), {
    cooldownAuto: true,
    requests: 10,
    warmupMs: 5000,
    errors: 3,
  });
  assert.deepEqual(rulesOfStage(run), run);
});

Deno.test("shares are of the duration, or else of the requests, rounded", () => {
  const share = fc.double({ min: 0, max: 2, noNaN: true });
  const number = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(fc.property(share, number, number, (part, durationMs, requests) => {
    const stop = { warmupShare: part, cooldownShare: part, requests };
    const { requests: warmup = NaN } = warmupOf(stop);
    assert.ok(Math.abs(warmup - part * requests) <= 0.5 || warmup === 1);
    assert.equal(warmup > 0, part > 0);
    assert.deepEqual(cooldownOf(stop), { requests: warmup });
    assert.deepEqual(warmupOf({ ...stop, durationMs }), {
      ms: part * durationMs,
    });
  }));
});

Deno.test("checkStopRules() refuses rules without a meaning", () => {
  const wrong: [StopRules, RegExp][] = [
    [
      { errors: 0 },
      /^UsageError: errors must be a whole number from 1 on, but/,
    ],
    [{ errorRate: 0 }, /errorRate must be above 0 and at most 1, but was 0/],
    [{ recentErrorRate: 1.5 }, /recentErrorRate must be above 0 and at most 1/],
    [{ recentErrorWindow: 5 }, /recentErrorWindow needs recentErrorRate/],
    [{ recentErrorWindow: 2.5 }, /recentErrorWindow must be a whole number/],
    [{ silenceMs: 0 }, /silenceMs must be above 0, but was 0/],
    [{ warmupRequests: -1 }, /warmupRequests must be a whole number/],
    [{ warmupShare: NaN, requests: 1 }, /warmupShare must be a share of 0 or/],
    [
      { warmupShare: 0.1 },
      /warmupShare needs a duration or a number of requests, but neither was/,
    ],
    [{ cooldownAuto: true }, /cooldownAuto needs a duration or a number of/],
    [
      { warmupMs: 5, warmupRequests: 5 },
      /warmupRequests must not be given with warmupMs: choose one/,
    ],
  ];
  for (const [stop, message] of wrong) {
    assert.throws(() => checkStopRules(stop), message);
  }
  checkStopRules({ warmupMs: 5, warmupAuto: true, warmupShare: 0 });
  assert.equal(conflictOf({ warmupMs: 0, warmupRequests: 5 }), undefined);
});
