import assert from "node:assert/strict";
import type { SloResult } from "./report.ts";
import { floorReason, samplesNeeded, tooFewFor } from "./sample_floors.ts";
import { judgeSlos, parseSlos } from "./slo.ts";
import { judge } from "./verdict.ts";
import { goodStage } from "../tests/support/report.ts";

Deno.test("samplesNeeded() has MLPerf's published numbers", () => {
  assert.equal(samplesNeeded("p90", "mlperf"), 24_576);
  assert.equal(samplesNeeded("p95", "mlperf"), 57_344);
  assert.equal(samplesNeeded("p99", "mlperf"), 270_336);
});

Deno.test("a number raises what a percentile needs, and never lowers it", () => {
  assert.equal(samplesNeeded("p99"), 100);
  assert.equal(samplesNeeded("p99", 50), 100);
  assert.equal(samplesNeeded("p50", 50), 50);
  assert.deepEqual(tooFewFor({ n: 300 }), { p999: 1000 });
  assert.equal(tooFewFor({ n: 1000 }), undefined);
  assert.deepEqual(tooFewFor({ n: 1000 }, 1001), {
    p5: 1001,
    p50: 1001,
    p90: 1001,
    p95: 1001,
    p99: 1001,
    p999: 1001,
  });
});

function verdictOf(minSamples: number | "mlperf", ...slos: string[]) {
  const slo: SloResult[] = judgeSlos(parseSlos(slos), goodStage, minSamples);
  return { slo, verdict: judge({ ...goodStage, slo }, { minSamples }) };
}

Deno.test("an SLO on a percentile below its floor gets the reason, and the verdict is too few samples", () => {
  const { slo, verdict } = verdictOf("mlperf", "ttft.p95<1s", "errorRate<1%");
  assert.deepEqual(slo.map(({ reason }) => reason), [
    "too few values: p95 needs 57344",
    undefined,
  ]);
  assert.equal(verdict.status, "too-few-samples");
  assert.deepEqual(verdict.reasons, [
    "too few samples by MLPerf's floors: ttft.p95 needs 57344 values and has 62: measure longer",
  ]);
});

Deno.test("without an SLO on a percentile, those that are shown count", () => {
  assert.equal(verdictOf(62).verdict.status, "too-few-samples"); // p99 needs 100
  assert.equal(verdictOf(62, "ttft.p50<1s").verdict.status, "valid");
  assert.equal(verdictOf(63, "ttft.p50<1s").verdict.status, "too-few-samples");
  assert.equal(floorReason(goodStage, undefined), undefined);
});
