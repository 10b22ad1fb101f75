import assert from "node:assert/strict";
import { metric } from "../tests/support/report.ts";
import { goodStage } from "../tests/support/report.ts";
import { summarizeRepeats } from "./repeats.ts";
import type { StageReport } from "./report.ts";

function stage(
  name: string,
  repeat: number | undefined,
  ttft: number,
  more: Partial<StageReport> = {},
): StageReport {
  return {
    ...goodStage,
    name,
    ...(repeat !== undefined && { repeat }),
    metrics: { ttft: metric("ms", 100, ttft) },
    rates: { requestsPerSecond: ttft / 10 },
    quality: {},
    ...more,
  };
}

Deno.test("summarizeRepeats() gives Student's interval of each stage over the repetitions", () => {
  const [one, two, ...others] = summarizeRepeats([
    stage("1 stream", 1, 100),
    stage("8 streams", 1, 300),
    stage("1 stream", 2, 110),
    stage("8 streams", 2, 300),
    stage("1 stream", 3, 120),
    stage("8 streams", 3, 300),
  ]);
  assert.equal(others.length, 0);
  assert.deepEqual([one!.stage, one!.runs], ["1 stream", 3]);
  const { mean, lower, upper } = one!.metrics.ttft!.p50!;
  assert.equal(mean, 110);
  // t(0.975, 2) = 4.30265, s = 10, n = 3
  assert.ok(Math.abs(upper - 134.841) < 1e-3, `${upper}`);
  assert.ok(Math.abs(lower - 85.159) < 1e-3, `${lower}`);
  assert.equal(one!.rates.requestsPerSecond!.mean, 11);
  assert.deepEqual(two!.metrics.ttft!.p50, {
    mean: 300,
    lower: 300,
    upper: 300,
  });
});

Deno.test("summarizeRepeats() leaves out what not every repetition has", () => {
  const empty = { metrics: {}, rates: {} };
  assert.deepEqual(summarizeRepeats([stage("a", undefined, 1)]), []);
  assert.deepEqual(summarizeRepeats([stage("a", 1, 1)]), []);
  assert.deepEqual(
    summarizeRepeats([stage("a", 1, 1), stage("b", 2, 1)]),
    [],
  );
  const [summary] = summarizeRepeats([
    stage("a", 1, 1),
    stage("a", 2, 1, empty),
  ]);
  assert.deepEqual(summary!.metrics, {});
  assert.deepEqual(summary!.rates, {});
});

Deno.test("summarizeRepeats() gives no bound below 0 to what is never below it", () => {
  const [summary] = summarizeRepeats([stage("a", 1, 1), stage("a", 2, 9)]);
  const { mean, lower } = summary!.metrics.ttft!.p50!;
  assert.deepEqual([mean, lower], [5, 0]);
});
