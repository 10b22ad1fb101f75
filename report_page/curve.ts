import type { Bounds, StageReport } from "../plugins/mod.ts";
import { formatInterval, formatValue } from "./format.ts";

/** A stage as a point of the curve of load against latency. */
export interface CurvePoint {
  /** Index of the stage. */
  readonly stage: number;
  /** Name of the stage. */
  readonly name: string;
  /** Load that was offered: streams, or requests/s. Absent where a stage has no single number. */
  readonly offered?: number;
  /** Load on the axis. */
  readonly load: number;
  /** Confidence interval of the load. */
  readonly loadBounds?: Bounds;
  /** Latency at a percentile, in milliseconds. */
  readonly value: number;
  /** Confidence interval of the latency. */
  readonly bounds?: Bounds;
  /** Whether the measurement is valid. */
  readonly isValid: boolean;
  /** Share of the requests that failed. */
  readonly errorRate: number;
}

/** A load that a curve may have on its axis. */
export interface LoadAxis {
  /** Name of a rate in the report; or `offered`. */
  readonly name: string;
  readonly label: string;
}

const RATES: readonly LoadAxis[] = [
  { name: "requestsPerSecond", label: "requests/s" },
  { name: "outputTokensPerSecond", label: "output tokens/s" },
  { name: "embeddingsPerSecond", label: "embeddings/s" },
  { name: "rtfxAggregate", label: "seconds of audio per second" },
];

/** The loads that at least two stages have. */
export function loadAxes(reports: readonly StageReport[]): LoadAxis[] {
  const kinds = new Set(reports.map(({ load }) => kindOfLoad(load)));
  const [kind] = kinds;
  const hasOffered = kinds.size === 1 && kind !== undefined;
  return [
    ...RATES.filter(({ name }) =>
      reports.filter(({ rates }) => rateOf(rates, name) !== undefined).length >
        1
    ),
    ...(hasOffered
      ? [{
        name: "offered",
        label: kind === "concurrency" ? "streams" : "offered requests/s",
      }]
      : []),
  ];
}

function kindOfLoad(
  load: StageReport["load"],
): "concurrency" | "ratePerSecond" | undefined {
  if (typeof load["concurrency"] === "number") return "concurrency";
  return typeof load["ratePerSecond"] === "number"
    ? "ratePerSecond"
    : undefined;
}

function rateOf(
  rates: StageReport["rates"],
  name: string,
): number | undefined {
  return (rates as Readonly<Record<string, number | undefined>>)[name];
}

/** Percentile of the curve. */
export type CurveQuantile = "p50" | "p90" | "p95" | "p99";

/** The points of the stages that have both values, from the lowest load to the highest. */
export function curvePoints(
  reports: readonly (StageReport | undefined)[],
  { metric, quantile, load: axis }: {
    readonly metric: string;
    readonly quantile: CurveQuantile;
    readonly load: string;
  },
): CurvePoint[] {
  const points = reports.flatMap((report, stage): CurvePoint[] => {
    if (!report) return [];
    const { name, rates, withinRunIntervals: intervals } = report;
    const value = report.metrics[metric]?.[quantile];
    const kind = kindOfLoad(report.load);
    const offered = kind && report.load[kind] as number;
    const load = axis === "offered" ? offered : rateOf(rates, axis);
    if (value === undefined || load === undefined) return [];
    const bounds = intervals?.metrics[metric]?.[quantile];
    const loadBounds = intervals?.rates[axis];
    return [{
      stage,
      name,
      load,
      value,
      ...(offered !== undefined && { offered }),
      ...(bounds && { bounds }),
      ...(loadBounds && { loadBounds }),
      isValid: report.verdict.status === "valid",
      errorRate: rates.errorRate ?? 0,
    }];
  });
  const isOffered = points.every(({ offered }) => offered !== undefined);
  const keyOf = ({ offered, load }: CurvePoint) => isOffered ? offered! : load;
  return points.sort((a, b) => keyOf(a) - keyOf(b) || a.stage - b.stage);
}

/** Words of the question that {@linkcode limitAnswer} answers. */
export interface LimitQuestion {
  /** The latency: `p95 TTFT`. */
  readonly what: string;
  /** Limit of it, in milliseconds. */
  readonly limitMs: number;
  /** The load on the axis: `requests/s`. */
  readonly loadLabel: string;
}

/** Answers in words which load keeps a latency under a limit. The points are in the order of their load. */
export function limitAnswer(
  points: readonly CurvePoint[],
  { what, limitMs, loadLabel }: LimitQuestion,
): string {
  const limit = formatValue(limitMs, "ms");
  // Of a load that was measured again, only the valid measurements count.
  const groups = [...Map.groupBy(points, ({ name }) => name).values()].map((
    group,
  ) => {
    const valid = group.filter(({ isValid }) => isValid);
    return valid.length > 0 ? valid : group;
  });
  if (groups.length === 0) return `No stage has a ${what}.`;
  const keeps = groups.map((group) =>
    group.every(({ value }) => value < limitMs)
  );
  const shown = (group: readonly CurvePoint[]) =>
    `${group[0]!.name}, ${valuesOf(group)}`;
  const first = keeps.indexOf(true);
  if (first < 0) {
    return `No load keeps ${what} under ${limit}. The lowest: ${
      shown(groups[0]!)
    }.`;
  }
  const miss = keeps.indexOf(false, first);
  const highest = (miss < 0 ? groups.length : miss) - 1;
  const isEvery = first === 0 && miss < 0;
  const best = groups[highest]!;
  const named = `${best[0]!.name} (${loadOf(best, loadLabel)})`;
  const also = keeps.findLastIndex((kept) => kept);
  return [
    isEvery
      ? `Every load keeps ${what} under ${limit}, up to ${named}: ${
        valuesOf(best)
      }.`
      : `The highest load that keeps ${what} under ${limit} is ${named}: ${
        valuesOf(best)
      }.`,
    ...(miss >= 0 ? [`The next is over it: ${shown(groups[miss]!)}.`] : []),
    ...(miss < 0 && groups.length > 1
      ? ["The limit is beyond what was measured."]
      : []),
    ...(first > 0 ? [`But a lower one is over it: ${shown(groups[0]!)}.`] : []),
    ...(also > highest
      ? [`A higher load, ${groups[also]![0]!.name}, keeps it again.`]
      : []),
    ...doubtsOf(best, limitMs),
  ].join(" ");
}

function valuesOf(points: readonly CurvePoint[]): string {
  const { value, bounds } = points[0]!;
  if (points.length > 1) {
    const values = points.map(({ value }) => value);
    const range = { lower: Math.min(...values), upper: Math.max(...values) };
    return `${formatInterval(range, "ms")} in ${points.length} measurements`;
  }
  return formatValue(value, "ms") +
    (bounds ? ` (95 % interval ${formatInterval(bounds, "ms")})` : "");
}

function loadOf(points: readonly CurvePoint[], label: string): string {
  const mean = points.reduce((sum, { load }) => sum + load, 0) / points.length;
  return `${formatValue(mean, "count")} ${label}`;
}

/** Reasons to doubt that a load keeps a limit. */
function doubtsOf(points: readonly CurvePoint[], limitMs: number): string[] {
  const errorRate = Math.max(...points.map(({ errorRate }) => errorRate));
  return [
    ...(points.some(({ bounds }) => bounds && bounds.upper >= limitMs)
      ? ["It is not certain: the interval reaches over the limit."]
      : []),
    ...(errorRate >= 0.01
      ? [`But ${formatValue(errorRate, "share")} of its requests failed.`]
      : []),
    ...(points.some(({ isValid }) => !isValid)
      ? ["But its measurement is not valid."]
      : []),
  ];
}
