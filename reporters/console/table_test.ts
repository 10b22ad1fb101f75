import assert from "node:assert/strict";
import { clientMetrics, metrics } from "../../plugins/mod.ts";
import { goodStage, metric } from "../../tests/support/report.ts";
import { lookOf } from "./look.ts";
import { metricsTable } from "./table.ts";

const look = lookOf({ width: 79, color: false });

Deno.test("metricsTable() has a row for every metric, in one order and under its label", () => {
  const every = [...metrics, ...clientMetrics].map((
    { name, unit },
    i,
  ) => [name, metric(unit, 200, 30 + i)]);
  const rows = (entries: unknown[][]) =>
    metricsTable({
      ...goodStage,
      metrics: Object.fromEntries(entries),
    }, look);
  const lines = rows(every);
  assert.deepEqual(rows(every.toReversed()), lines);
  for (const { label } of metrics) {
    const found = lines.filter((line) => line.startsWith(`  ${label}`));
    assert.ok(found.length >= 1, label);
  }
  assert.equal(lines.length, metrics.length + 2);
  assert.match(lines[1] ?? "", /^ {2}first output /);
});

Deno.test("metricsTable() leaves the first answer text out where it is the first text", () => {
  const rows = (ttft: number, ttfo: number) =>
    metricsTable({
      ...goodStage,
      metrics: { ttft: metric("ms", 200, ttft), ttfo: metric("ms", 200, ttfo) },
    }, look).slice(1).map((line) => line.trim().split("  ")[0]);
  assert.deepEqual(rows(30, 30), ["first output"]);
  assert.deepEqual(rows(30, 40), ["first output", "first answer text"]);
});

Deno.test("metricsTable() says nothing of the pace as if it were the server's", () => {
  const stage = {
    ...goodStage,
    metrics: { rtfxRequest: metric("ratio", 200, 0.97) },
  };
  assert.match(metricsTable(stage, look).join("\n"), /times real time/);
  assert.deepEqual(metricsTable(stage, { ...look, isPaced: true }), []);
});

Deno.test("metricsTable() gives no line where nothing was observed", () => {
  assert.deepEqual(metricsTable({ ...goodStage, metrics: {} }, look), []);
});

Deno.test("metricsTable() keeps its columns whatever the size of a number", () => {
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
