import assert from "node:assert/strict";
import { clientMetrics, metrics } from "../../plugins/mod.ts";
import { goodStage, metric } from "../../tests/support/report.ts";
import { createLook } from "./format.ts";
import { metricsTable } from "./table.ts";

const look = createLook({ width: 79, color: false });

Deno.test("metricsTable() has a row for every metric, in a fixed order, with its label", () => {
  const every = [...metrics, ...clientMetrics].map((
    { name, unit },
    i,
  ) => [name, metric(unit, 200, 30 + i)]);
  const rows = (entries: unknown[][]) =>
    metricsTable({
      ...goodStage,
      load: { kind: "constant" },
      metrics: Object.fromEntries(entries),
    }, look);
  const lines = rows(every);
  assert.deepEqual(rows(every.toReversed()), lines);
  for (const { label } of metrics) {
    const found = lines.filter((line) => line.startsWith(`  ${label}`));
    assert.ok(found.length >= 1, label);
  }
  assert.equal(lines.length, metrics.length + 2);
  // The headline of an open loop.
  assert.match(lines[1] ?? "", /^ {2}response time /);
  assert.match(lines[2] ?? "", /^ {2}TTFT /);
});

Deno.test("metricsTable() leaves out response time in a closed loop, which has no schedule", () => {
  const stage = {
    ...goodStage,
    metrics: {
      responseTime: metric("ms", 200, 41),
      latency: metric("ms", 200, 40),
    },
  };
  const rows = (kind: string) =>
    metricsTable({ ...stage, load: { kind } }, look).slice(1)
      .map((line) => line.trim().split("  ")[0]);
  assert.deepEqual(rows("concurrent"), ["E2E latency"]);
  assert.deepEqual(rows("constant"), ["response time", "E2E latency"]);
});

Deno.test("metricsTable() leaves out rows that show the same numbers as another", () => {
  const rows = (ttft: number, ttfo: number) =>
    metricsTable({
      ...goodStage,
      metrics: { ttft: metric("ms", 200, ttft), ttfo: metric("ms", 200, ttfo) },
    }, look).slice(1).map((line) => line.trim().split("  ")[0]);
  assert.deepEqual(rows(30, 30), ["TTFT"]);
  assert.deepEqual(rows(30, 30.02), ["TTFT"]);
  assert.deepEqual(rows(30, 40), ["TTFT", "TTFO (first answer text)"]);
});

Deno.test("metricsTable() leaves out the RTFx of paced audio", () => {
  const stage = {
    ...goodStage,
    metrics: { rtfxRequest: metric("ratio", 200, 0.97) },
  };
  assert.match(metricsTable(stage, look).join("\n"), /RTFx/);
  assert.deepEqual(metricsTable(stage, { ...look, isPaced: true }), []);
});

Deno.test("metricsTable() returns no lines without metrics", () => {
  assert.deepEqual(metricsTable({ ...goodStage, metrics: {} }, look), []);
});

Deno.test("metricsTable() keeps its columns for numbers of any size", () => {
  const stage = {
    ...goodStage,
    metrics: {
      latency: metric("ms", 1_000_000, 0.004),
      ttft: metric("ms", 5, 4e7),
    },
  };
  const [head = "", ...rows] = metricsTable(stage, look);
  for (const row of rows.slice(0, 2)) {
    assert.equal(row.length, head.length, row);
  }
});
