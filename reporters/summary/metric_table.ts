import {
  clientMetrics,
  metrics,
  type MetricSummary,
  type StageReport,
  valuesNeeded,
} from "../../plugins/mod.ts";
import type { Row, Table } from "./model.ts";
import { formatInterval, formatValue, rounded } from "./numbers.ts";
import { nameOf } from "./text.ts";

/** Order of rows, the most important first. Other metrics follow. */
const ORDER: readonly string[] = [
  "finalization",
  "finalizationAdjustedForNetwork",
  "ttft",
  "ttftAdjustedForNetwork",
  "itl",
  "tpot",
  "responseTime",
  "latency",
  "firstEvent",
  "finalizationFromEnd",
  "ttftCold",
  "connect",
  "setup",
  "upload",
  "ttfb",
  "ttfo",
  "ntpot",
  "deltaGap",
  "revisions",
];

/** Name of a metric for people. */
export function labelOfMetric(name: string): string {
  return labels.get(name) ?? name;
}

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

/** Latencies that people ask for first, with their confidence intervals. */
const HEADLINES: readonly string[] = [
  "responseTime",
  "finalization",
  "finalizationAdjustedForNetwork",
  "ttft",
  "ttftAdjustedForNetwork",
  "itl",
  "tpot",
  "latency",
];

/** Returns the metrics of a stage, first the latencies that people ask for, then other times, then other units. */
export function metricsTable(stage: StageReport, isPaced = false): Table {
  const rows = orderedRows(stage, isPaced);
  const rowsOf = (isWanted: (name: string, unit: string) => boolean) =>
    rows.filter(([name, { unit }]) => isWanted(name, unit));
  const isHeadline = (name: string) => HEADLINES.includes(name);
  const headlines = rowsOf((name, unit) => unit === "ms" && isHeadline(name));
  const times = rowsOf((name, unit) => unit === "ms" && !isHeadline(name));
  const others = rowsOf((_, unit) => unit !== "ms");
  return {
    columns: [
      { head: "n" },
      ...PERCENTILES.map((head) => ({
        head: `${head} `,
        ...(head === "p90" && { dropOrder: 4 }),
      })),
      { head: "max", dropOrder: 2 },
    ],
    parts: [
      {
        title: "latency, ms",
        rows: headlines.flatMap((row) => [
          metricRow(row),
          ...intervalRows(row, stage),
        ]),
      },
      {
        title: headlines.length > 0 ? "other times, ms" : "times, ms",
        rows: times.map((row) => ({ ...metricRow(row), tone: "minor" })),
      },
      {
        title: "other",
        rows: others.map((row) => ({ ...metricRow(row), tone: "minor" })),
      },
    ],
    notes: notes(rows, stage),
  };
}

/** The intervals of the percentiles of a metric, where it has any. */
function intervalRows(
  [name, { unit }]: [string, MetricSummary],
  { withinRunIntervals }: StageReport,
): Row[] {
  const bounds = withinRunIntervals?.metrics[name] ?? {};
  const format = (value: number) => formatValue(value, unit);
  const cells = PERCENTILES.map((each) =>
    bounds[each] ? `${formatInterval(bounds[each], format)} ` : ""
  );
  if (cells.every((cell) => cell === "")) return [];
  return [{
    label: "  interval",
    cells: ["", ...cells, ""],
    tone: "minor",
    isDetail: true,
  }];
}

function orderedRows(
  stage: StageReport,
  isPaced: boolean,
): [string, MetricSummary][] {
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
  metric: MetricSummary,
  { load, metrics }: StageReport,
): boolean {
  const isClosed = load["concurrency"] !== undefined;
  if (name === "responseTime" && isClosed && metrics["latency"]) return true;
  const shown = cellsOf(metric).join();
  return (REPEATS[name] ?? []).some((other) =>
    metrics[other] && cellsOf(metrics[other]).join() === shown
  );
}

function metricRow([name, metric]: [string, MetricSummary]): Row {
  return { label: labels.get(name) ?? nameOf(name), cells: cellsOf(metric) };
}

/** A percentile of too few values has a mark; others have a space in its place. */
function cellsOf(metric: MetricSummary): string[] {
  const percentiles = PERCENTILES.map((name) =>
    formatValue(metric[name], metric.unit) +
    (metric.n < neededFor(name, metric) ? "~" : " ")
  );
  return [
    String(metric.n),
    ...percentiles,
    formatValue(metric.max, metric.unit),
  ];
}

function neededFor(
  name: typeof PERCENTILES[number],
  metric: MetricSummary,
): number {
  return metric.valuesNeeded?.[name] ?? valuesNeeded[name];
}

function notes(
  rows: readonly [string, MetricSummary][],
  { withinRunIntervals }: StageReport,
): string[] {
  const needed = PERCENTILES.map((name) =>
    [name, Math.max(...rows.map(([, row]) => neededFor(name, row)))] as const
  );
  const hasFew = rows.some(([, row]) =>
    needed.some(([name]) => row.n < neededFor(name, row))
  );
  const needs = needed.map(([name, n]) => `${name} needs ${n}`);
  const errors = rows.map(([, { quantileError = 0 }]) => quantileError);
  const error = Math.max(0, ...errors);
  const parts = [
    ...(withinRunIntervals
      ? [
        `intervals: ${
          rounded(100 * withinRunIntervals.confidence)
        } % confidence, within this run`,
      ]
      : []),
    ...(hasFew ? [`~ too few values: ${needs.join(", ")}`] : []),
    ...(error > 0
      ? [`percentiles of many values are within ${rounded(100 * error)} %`]
      : []),
  ];
  return parts.length > 0 ? [parts.join(" · ")] : [];
}
