import {
  clientMetrics,
  metrics,
  type StageReport,
  type Summary,
  type Unit,
  valuesNeeded,
} from "../../plugins/mod.ts";
import { formatValue, type Look, plain, rounded, truncate } from "./format.ts";

/** Order of rows, the most important first. Other metrics follow. */
const ORDER: readonly string[] = [
  "ttft",
  "ttftAdjustedForNetwork",
  "firstEvent",
  "finalization",
  "finalizationAdjustedForNetwork",
  "finalizationFromEnd",
  "responseTime",
  "latency",
  "ttftCold",
  "connect",
  "setup",
  "upload",
  "ttfb",
  "ttfo",
  "itl",
  "tpot",
  "ntpot",
  "deltaGap",
  "revisions",
];

const labels: ReadonlyMap<string, string> = new Map([
  ...metrics.map(({ name, unit, label }) =>
    [name, unit === "s" ? `${label}, s` : label] as const
  ),
  ["ttftAdjustedForNetwork", "TTFT without network"],
  ["finalizationAdjustedForNetwork", "finalization without network"],
]);

/** Metrics of the client, which have a line of their own. */
const ofClient: ReadonlySet<string> = new Set(
  clientMetrics.map(({ name }) => name),
);

/** Rows left out if they would show the same numbers as another row of the same time. */
const REPEATS: Readonly<Record<string, readonly string[]>> = {
  firstEvent: ["ttft"],
  finalizationFromEnd: ["finalization"],
  ttfo: ["ttft", "ttftCold"],
  ttftCold: ["ttft"],
  ttfb: ["latency"],
};

/** Columns of the table between n and the largest value. */
const PERCENTILES = ["p50", "p90", "p95", "p99"] as const;

type Metric = { readonly unit: Unit } & Summary;

/** Formats the metrics of a stage as a table, those in milliseconds first. */
export function metricsTable(
  stage: StageReport,
  { isPaced = false, ...look }: Look & { readonly isPaced?: boolean },
): string[] {
  const rows = orderedRows(stage, isPaced);
  const timed = rows.filter(([, { unit }]) => unit === "ms");
  const others = rows.filter(([, { unit }]) => unit !== "ms");
  return [
    ...block("ms", timed, look),
    ...block("other", others, look),
    ...notes(rows, look),
  ];
}

function orderedRows(stage: StageReport, isPaced: boolean): [string, Metric][] {
  const found = stage.metrics;
  // In an open loop it is the time from when a request was due that its user waits.
  const isOpenLoop = stage.load["concurrency"] === undefined;
  const headline = isOpenLoop ? ["responseTime"] : [];
  const names = [
    ...headline,
    ...ORDER,
    ...labels.keys(),
    ...Object.keys(found).sort(),
  ];
  return [...new Set(names)].flatMap((name) => {
    const metric = found[name];
    if (!metric || ofClient.has(name)) return [];
    // The RTFx of paced audio is the pace, a little below 1.
    if (name === "rtfxRequest" && isPaced) return [];
    return repeats(name, metric, stage) ? [] : [[name, metric]];
  });
}

/** Reports whether another row shows the same. A closed loop has no schedule that response time could differ by. */
function repeats(
  name: string,
  metric: Metric,
  { load, metrics }: StageReport,
): boolean {
  const isClosed = load["kind"] === "concurrent";
  if (name === "responseTime" && isClosed && metrics["latency"]) return true;
  const shown = cellsOf(metric).join();
  return (REPEATS[name] ?? []).some((other) =>
    metrics[other] && cellsOf(metrics[other]).join() === shown
  );
}

function block(
  title: string,
  rows: readonly [string, Metric][],
  { paint }: Look,
): string[] {
  if (rows.length === 0) return [];
  const heads = ["n", ...PERCENTILES, "max"].map((head) => cell(head));
  return [
    paint("dim", row(title, heads)),
    ...rows.map(([name, metric]) =>
      row(labels.get(name) ?? plain(name), cellsOf(metric))
    ),
  ];
}

function cellsOf(metric: Metric): string[] {
  const percentiles = PERCENTILES.map((name) =>
    cell(
      formatValue(metric[name], metric.unit),
      metric.n < valuesNeeded[name] ? "~" : " ",
    )
  );
  return [
    cell(String(metric.n)),
    ...percentiles,
    cell(formatValue(metric.max, metric.unit)),
  ];
}

function cell(text: string, mark = " "): string {
  return text.padStart(7) + mark;
}

function row(label: string, cells: readonly string[]): string {
  return `  ${truncate(label, 29).padEnd(29)}${cells.join("")}`.trimEnd();
}

function notes(rows: readonly [string, Metric][], { paint }: Look): string[] {
  const hasFew = rows.some(([, { n }]) => n < valuesNeeded.p99);
  const needs = PERCENTILES.map((name) =>
    `${name} needs ${valuesNeeded[name]}`
  );
  const errors = rows.map(([, { quantileError = 0 }]) => quantileError);
  const error = Math.max(0, ...errors);
  return [
    ...(hasFew ? [`  ~ too few values: ${needs.join(", ")}`] : []),
    ...(error > 0
      ? [`  percentiles of many values are within ${rounded(100 * error)} %`]
      : []),
  ].map((note) => paint("dim", note));
}
