import assert from "node:assert/strict";
import { clientMetrics, metrics, type StageReport } from "../../plugins/mod.ts";
import { goodStage, metric } from "../../tests/support/report.ts";
import { metricsTable } from "./metric_table.ts";

/** Labels of the rows, of all parts. */
function labelsOf(stage: StageReport, isPaced?: boolean): string[] {
  return metricsTable(stage, isPaced).parts.flatMap(({ rows }) =>
    rows.map(({ label }) => label)
  );
}

Deno.test("metricsTable() has a row for every metric, in a fixed order, with its label", () => {
  const every = [...metrics, ...clientMetrics].map((
    { name, unit },
    i,
  ) => [name, metric(unit, 200, 30 + i)]);
  const labels = (entries: unknown[][]) =>
    labelsOf({
      ...goodStage,
      load: { kind: "constant" },
      metrics: Object.fromEntries(entries),
    });
  const found = labels(every);
  assert.deepEqual(labels(every.toReversed()), found);
  for (const { label, unit } of metrics) {
    assert.ok(found.includes(unit === "s" ? `${label}, s` : label), label);
  }
  assert.equal(found.length, metrics.length);
  // The headline of an open loop.
  assert.deepEqual(found.slice(0, 5), [
    "response time",
    "finalization",
    "TTFT",
    "ITL",
    "TPOT",
  ]);
});

Deno.test("metricsTable() leaves out response time in a closed loop, which has no schedule", () => {
  const stage = {
    ...goodStage,
    metrics: {
      responseTime: metric("ms", 200, 41),
      latency: metric("ms", 200, 40),
    },
  };
  const rows = (load: StageReport["load"]) => labelsOf({ ...stage, load });
  assert.deepEqual(rows({ kind: "users", concurrency: 8 }), ["E2E latency"]);
  assert.deepEqual(rows({ kind: "constant" }), [
    "response time",
    "E2E latency",
  ]);
});

Deno.test("metricsTable() leaves out rows that show the same numbers as another", () => {
  const rows = (ttft: number, ttfo: number) =>
    labelsOf({
      ...goodStage,
      metrics: { ttft: metric("ms", 200, ttft), ttfo: metric("ms", 200, ttfo) },
    });
  assert.deepEqual(rows(30, 30), ["TTFT"]);
  assert.deepEqual(rows(30, 30.02), ["TTFT"]);
  assert.deepEqual(rows(30, 40), ["TTFT", "TTFO (first answer text)"]);
});

Deno.test("metricsTable() leaves out the RTFx of paced audio", () => {
  const stage = {
    ...goodStage,
    metrics: { rtfxRequest: metric("ratio", 200, 0.97) },
  };
  assert.deepEqual(labelsOf(stage), ["RTFx"]);
  assert.deepEqual(labelsOf(stage, true), []);
});
