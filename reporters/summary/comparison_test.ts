import assert from "node:assert/strict";
import type { StageReport } from "../../plugins/mod.ts";
import { chatReport, goodStage, metric } from "../../tests/support/report.ts";
import { comparisonSections } from "./comparison.ts";
import { isTable, textOf } from "./model.ts";

/** The heads and cells of the comparison. */
function tableOf(stages: readonly StageReport[]) {
  const [table] = comparisonSections(stages)[0]!.blocks;
  assert.ok(table && isTable(table));
  const cells = table.parts[0]!.rows.map(({ cells }) =>
    cells.map((cell) => textOf(cell, () => "").trim())
  );
  return { heads: table.columns.map(({ head }) => head.trim()), cells };
}

const ttft = (p50: number) => ({ ttft: metric("ms", 62, p50) });

Deno.test("comparisonSections() compares cancelled and dropped requests if there are any", () => {
  const [stage] = chatReport.stages;
  const counts = { ...stage!.counts, cancelled: 0 };
  const calm = { ...stage!, counts };
  const heads = (...stages: StageReport[]) => tableOf(stages).heads.slice(0, 4);
  assert.deepEqual(heads(calm, stage!), ["ok", "failed", "cut off", "req/s"]);
  const dropping = { ...calm, counts: { ...counts, dropped: 64 } };
  assert.deepEqual(heads(dropping, calm), ["ok", "failed", "dropped", "req/s"]);
  assert.deepEqual(heads(calm, calm), ["ok", "failed", "req/s", "TTFT"]);
});

Deno.test("comparisonSections() marks the best of the stages that are not broken", () => {
  const limited: StageReport = {
    ...goodStage,
    metrics: ttft(10),
    verdict: { status: "client-limited", reasons: [] },
  };
  const { heads, cells } = tableOf([
    { ...goodStage, metrics: ttft(100) },
    { ...goodStage, metrics: ttft(50) },
    limited,
  ]);
  const column = heads.indexOf("TTFT");
  assert.deepEqual(cells.map((row) => row[column]), [
    "100/116",
    "50/58*",
    "10/12",
  ]);
  assert.deepEqual(cells.map((row) => row.at(-1)), [
    "valid",
    "valid",
    "! client-limited",
  ]);
});

Deno.test("comparisonSections() marks nothing where no difference is shown", () => {
  const { cells } = tableOf([
    { ...goodStage, metrics: ttft(1000) },
    { ...goodStage, metrics: ttft(1000.01) },
  ]);
  assert.doesNotMatch(cells.flat().join(), /\*/);
});

Deno.test("comparisonSections() has nothing to compare in a single stage", () => {
  assert.deepEqual(comparisonSections([goodStage]), []);
});
