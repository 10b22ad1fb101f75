import {
  clientMetrics,
  metrics,
  type MetricSummary,
  type QuantileBounds,
  type StageReport,
  valuesNeeded,
} from "../../plugins/mod.ts";
import {
  displayWidth,
  formatInterval,
  formatValue,
  type Look,
  plain,
  rounded,
  truncate,
} from "./format.ts";

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

/** Rows with confidence intervals below them. */
const HEADLINES: readonly string[] = [
  "ttft",
  "finalization",
  "responseTime",
  "latency",
  "itl",
];

/** Width of a column: more where intervals are shown. */
const COLUMN = 7;

/** Formats the metrics of a stage as a table, those in milliseconds first. */
export function metricsTable(
  stage: StageReport,
  { isPaced = false, ...look }: Look & { readonly isPaced?: boolean },
): string[] {
  const rows = orderedRows(stage, isPaced);
  const timed = rows.filter(([, { unit }]) => unit === "ms");
  const others = rows.filter(([, { unit }]) => unit !== "ms");
  const intervals = intervalsOf(timed, stage);
  const width = Math.max(
    COLUMN,
    ...[...intervals.values()].flat().map(displayWidth),
  );
  return [
    ...block("ms", timed, { ...look, intervals, width }),
    ...block("other", others, { ...look, intervals, width }),
    ...notes(rows, stage, look),
  ];
}

/** The intervals of the percentiles of a row, by its name. */
type Intervals = ReadonlyMap<string, readonly string[]>;

function intervalsOf(
  rows: readonly [string, MetricSummary][],
  { withinRunIntervals }: StageReport,
): Intervals {
  const shown = new Map<string, readonly string[]>();
  for (const [name, { unit }] of rows) {
    const bounds: QuantileBounds = withinRunIntervals?.metrics[name] ?? {};
    if (!HEADLINES.includes(name) || Object.keys(bounds).length === 0) continue;
    const format = (value: number) => formatValue(value, unit);
    shown.set(
      name,
      PERCENTILES.map((each) => formatInterval(bounds[each], format) ?? ""),
    );
  }
  return shown;
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
  const isClosed = load["kind"] === "concurrent";
  if (name === "responseTime" && isClosed && metrics["latency"]) return true;
  const shown = cellsOf(metric, COLUMN).join();
  return (REPEATS[name] ?? []).some((other) =>
    metrics[other] && cellsOf(metrics[other], COLUMN).join() === shown
  );
}

function block(
  title: string,
  rows: readonly [string, MetricSummary][],
  { paint, intervals, width }: Look & {
    readonly intervals: Intervals;
    readonly width: number;
  },
): string[] {
  if (rows.length === 0) return [];
  const heads = PERCENTILES.map((head) => cell(head, width));
  const lines = rows.flatMap(([name, metric]) => {
    const line = row(labels.get(name) ?? plain(name), cellsOf(metric, width));
    const bounds = intervals.get(name);
    if (!bounds) return [line];
    const cells = ["".padStart(COLUMN + 1)]
      .concat(bounds.map((each) => cell(each, width)));
    return [line, paint("dim", row("  interval", cells))];
  });
  return [
    paint("dim", row(title, [cell("n"), ...heads, cell("max")])),
    ...lines,
  ];
}

/** @param width Width of the percentiles. */
function cellsOf(metric: MetricSummary, width: number): string[] {
  const percentiles = PERCENTILES.map((name) =>
    cell(
      formatValue(metric[name], metric.unit),
      width,
      metric.n < neededFor(name, metric) ? "~" : " ",
    )
  );
  return [
    cell(String(metric.n)),
    ...percentiles,
    cell(formatValue(metric.max, metric.unit)),
  ];
}

function neededFor(
  name: typeof PERCENTILES[number],
  metric: MetricSummary,
): number {
  return metric.valuesNeeded?.[name] ?? valuesNeeded[name];
}

function cell(text: string, width = COLUMN, mark = " "): string {
  return text.padStart(width) + mark;
}

function row(label: string, cells: readonly string[]): string {
  return `  ${truncate(label, 29).padEnd(29)}${cells.join("")}`.trimEnd();
}

function notes(
  rows: readonly [string, MetricSummary][],
  { withinRunIntervals }: StageReport,
  { paint }: Look,
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
  return [
    ...(withinRunIntervals
      ? [
        `  intervals: ${
          rounded(100 * withinRunIntervals.confidence)
        } % confidence, within this run`,
      ]
      : []),
    ...(hasFew ? [`  ~ too few values: ${needs.join(", ")}`] : []),
    ...(error > 0
      ? [`  percentiles of many values are within ${rounded(100 * error)} %`]
      : []),
  ].map((note) => paint("dim", note));
}
