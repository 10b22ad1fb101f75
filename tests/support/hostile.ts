import fc from "fast-check";
import type { Report, StageReport } from "../../plugins/mod.ts";
import { searchReport, speechReport } from "./report.ts";

const PARTS = [
  "<script>alert(1)</script>",
  "]]>",
  "-->",
  "&amp;",
  "|",
  "\\|",
  "\\",
  "`",
  "``` ",
  "*",
  "__",
  "~~",
  "\n\n# head\n",
  "\r",
  "\t",
  "\0",
  "\u001b[31m",
  "\u009b",
  "\ufffe",
  "\ud800",
  "\udfff",
  "\u202e",
  "@everyone",
  "#1",
  "https://x.test/?a=b",
  "www.x.test",
  ":smile:",
  "[a](javascript:b)",
  "</details>",
  "'\"",
  "日本",
  "\u{1f600}",
];

/** Texts that could mean something to a terminal, Markdown or XML. */
export const hostileText: fc.Arbitrary<string> = fc.array(
  fc.oneof(
    fc.constantFrom(...PARTS),
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.constant("x".repeat(2000)),
  ),
  { minLength: 1, maxLength: 12 },
).map((parts) => parts.join(""));

/** A report that has a text in every place that a server, a plugin or the data fills. */
export function hostileReport(text: string): Report {
  const stageOf = (stage: StageReport): StageReport => ({
    ...stage,
    name: text,
    failures: [
      { class: text, code: text, message: text, count: 3 },
      { class: "error", message: text, count: 1 },
    ],
    metrics: { ...stage.metrics, [text]: stage.metrics["ttft"]! },
    warmupFailures: [{ class: text, message: text, count: 1 }],
    notes: [text],
    slo: [{
      objective: text,
      metric: text,
      limit: 1,
      unit: "ms",
      n: 0,
      pass: false,
      reason: text,
    }],
    verdict: { status: "client-limited", reasons: [text] },
  });
  const { run } = speechReport;
  const config = {
    ...run.config,
    backend: { use: text, with: {} },
    load: { use: text, with: { [text]: text } },
  };
  const backend = { url: text, model: text, dialect: text, mode: text };
  return {
    ...speechReport,
    run: { ...run, config, facts: { ...run.facts, backend } },
    capacities: searchReport.capacities!.map((capacity) => ({
      ...capacity,
      slos: [text],
      ended: text,
      levels: [{ level: 8, stage: 0, outcome: "pass", reason: text }],
    })),
    stages: speechReport.stages.map(stageOf),
    skipped: { count: 1, items: [{ id: text, reason: text }] },
    interrupted: true,
    error: text,
  };
}
