import { nearest } from "../lib/text.ts";
import { type Problem, UsageError } from "./errors.ts";
import {
  clientMetrics,
  type Metric,
  metrics,
  shareMetrics,
  type ShareName,
} from "./metrics/table.ts";
import { ADJUSTED } from "./metrics/network.ts";
import { isQuantile, samplesNeeded, valuesNeeded } from "./sample_floors.ts";
import type { MinSamples } from "./config.ts";
import type { Sample } from "./sample.ts";
import type { Rates, SloResult, SloUnit, StageReport } from "./report.ts";

/** A service-level objective: a limit that every stage must keep. */
export interface Slo {
  /** As reports write it: `ttft.p95<200ms`. */
  readonly text: string;
  /** Name of the metric in the report. */
  readonly metric: string;
  /** Statistic of a metric that has a value for each request; absent for a number of the whole stage. */
  readonly quantile?: SloQuantile;
  /** How the value must compare with the limit. */
  readonly operator: SloOperator;
  /** The limit, in {@linkcode unit}. */
  readonly limit: number;
  /** Unit of limit and value. */
  readonly unit: SloUnit;
}

/** A statistic that an SLO may limit. */
export type SloQuantile =
  | "p5"
  | "p50"
  | "p90"
  | "p95"
  | "p99"
  | "p999"
  | "mean"
  | "min"
  | "max";

const QUANTILES = [...Object.keys(valuesNeeded), "mean", "min", "max"];

const COMPARE = {
  "<": (value: number, limit: number) => value < limit,
  "<=": (value: number, limit: number) => value <= limit,
  ">": (value: number, limit: number) => value > limit,
  ">=": (value: number, limit: number) => value >= limit,
} as const;

/** How a value is compared with the limit of an SLO. */
export type SloOperator = "<" | "<=" | ">" | ">=";

/** The units that a limit may be written in, each with the factor that converts it. The first is the usual one. */
const UNITS: Readonly<Record<SloUnit, Readonly<Record<string, number>>>> = {
  ms: { ms: 1, s: 1000 },
  s: { s: 1, ms: 0.001 },
  tokens: { tokens: 1, "": 1 },
  "tokens/s": { "tokens/s": 1, "/s": 1, "": 1 },
  "/s": { "/s": 1, "": 1 },
  ratio: { "": 1, x: 1 },
  count: { "": 1 },
  share: { "%": 0.01 },
};

/** The part of a stage's report that SLOs are judged by. */
type Measured = Pick<
  StageReport,
  "counts" | "metrics" | "rates" | "quality" | "client"
>;

const ALL_METRICS = [...metrics, ...clientMetrics, ...shareMetrics];

/** Units of the metrics that have a value for each request. */
const METRICS: ReadonlyMap<string, SloUnit> = new Map([
  ...ALL_METRICS.map(({ name, unit }) => [name, unit] as const),
  // Known only after the stage, so that no request alone is good or bad by them.
  ...ADJUSTED.map((name) => [`${name}AdjustedForNetwork`, "ms"] as const),
]);

/** Units of the numbers of a whole stage. */
const STAGE_NUMBERS: ReadonlyMap<string, SloUnit> = new Map(
  Object.entries<SloUnit>(
    {
      errorRate: "share",
      requestsPerSecond: "/s",
      goodput: "/s",
      inputTokensPerSecond: "tokens/s",
      outputTokensPerSecond: "tokens/s",
      embeddingsPerSecond: "/s",
      rtfxAggregate: "ratio",
      wer: "share",
      cer: "share",
    } satisfies Record<keyof Rates | "wer" | "cer", SloUnit>,
  ),
);

/** Shorter names, each for a metric (with a quantile) and for a number of the whole stage (without). */
const ALIASES: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["requestRate", ["requestsPerSecond", "requestsPerSecond"]],
  ["rtfx", ["rtfxRequest", "rtfxAggregate"]],
]);

/** Names that other tools use, for a hint. */
const FOREIGN_NAMES: ReadonlyMap<string, string> = new Map([
  ["e2e", "latency"],
  ["e2el", "latency"],
  ["lag", "scheduleLag"],
  ["cpu", "scheduleLag"],
  ["rps", "requestsPerSecond"],
  ["tps", "outputTokensPerSecond"],
]);

/**
 * Parses SLOs as `ttft.p95<200ms`, `errorRate<=1%` or `rtfx.p50>10`.
 *
 * @throws {UsageError} If any cannot be parsed, with the problems of all.
 */
export function parseSlos(texts: readonly string[]): Slo[] {
  const slos: Slo[] = [];
  const problems: Problem[] = [];
  for (const text of texts) {
    const parsed = parseSlo(text);
    if (typeof parsed === "string") problems.push({ message: parsed });
    else slos.push(parsed);
  }
  if (problems.length === 0) return slos;
  throw new UsageError(
    problems.map(({ message }) => message).join("\n"),
    { problems },
  );
}

/** Returns the SLO, or the problem with its text. */
function parseSlo(text: string): Slo | string {
  const [, name, quantile, operator, number, unitText] =
    /^(\w+)(?:\.(\w+))?(<=|>=|<|>)(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?!\d)(.*)$/s
      .exec(text.replaceAll(/\s/g, "")) ?? [];
  if (name === undefined) {
    return `slo must be METRIC.QUANTILE<LIMIT or METRIC<LIMIT, such as ttft.p95<200ms or errorRate<1%, but was ${
      JSON.stringify(text)
    }`;
  }
  const problem = (message: string) =>
    `slo ${JSON.stringify(text)}: ${message}`;
  const found = find(name, quantile);
  if (typeof found === "string") return problem(found);
  const { metric, unit } = found;
  const factor = Object.hasOwn(UNITS[unit], unitText!)
    ? UNITS[unit][unitText!]
    : undefined;
  if (factor === undefined) {
    return problem(
      `the limit of ${name} must be in ${unitsOf(unit)}, but was ${
        unitText ? `in ${JSON.stringify(unitText)}` : "without a unit"
      }`,
    );
  }
  return {
    text: text.replaceAll(/\s/g, ""),
    metric,
    ...(quantile !== undefined && { quantile: quantile as SloQuantile }),
    operator: operator as SloOperator,
    limit: scale(Number(number), factor),
    unit,
  };
}

/** Returns metric and unit of a name, or the problem with the name or the quantile. */
function find(
  name: string,
  quantile: string | undefined,
): Pick<Slo, "metric" | "unit"> | string {
  const [metric, stageNumber] = ALIASES.get(name) ?? [name, name];
  const unit = METRICS.get(metric);
  const stageUnit = STAGE_NUMBERS.get(stageNumber);
  if (!unit && !stageUnit) return unknownMetric(name);
  if (quantile === undefined) {
    if (stageUnit) return { metric: stageNumber, unit: stageUnit };
    return `${name} needs a quantile, such as ${name}.p95; there are: ${
      QUANTILES.join(", ")
    }`;
  }
  if (!unit) {
    return `${name} is one number for the whole stage and has no quantile "${quantile}"`;
  }
  if (QUANTILES.includes(quantile)) return { metric, unit };
  return `unknown quantile "${quantile}"; there are: ${QUANTILES.join(", ")}`;
}

function unknownMetric(name: string): string {
  const names = [...METRICS.keys(), ...STAGE_NUMBERS.keys(), ...ALIASES.keys()];
  const near = FOREIGN_NAMES.get(name) ?? nearest(name, names);
  const hint = near
    ? `did you mean "${near}"?`
    : `there are: ${[...new Set(names)].join(", ")}`;
  return `unknown metric "${name}"; ${hint}`;
}

function unitsOf(unit: SloUnit): string {
  const names = Object.keys(UNITS[unit]).filter((name) => name !== "");
  const isOptional = Object.hasOwn(UNITS[unit], "");
  if (names.length === 0) return "no unit";
  return names.join(" or ") + (isOptional ? " or no unit" : "");
}

/** Multiplies; divides if the factor is a fraction, as 7 × 0.01 is not 0.07. */
function scale(number: number, factor: number): number {
  return factor < 1 ? number / Math.round(1 / factor) : number * factor;
}

/** Returns the metric of single requests that an SLO limits; `undefined` for a number of the whole stage. */
export function metricOfSlo(
  { metric, quantile }: Slo,
): Metric | undefined {
  return quantile === undefined
    ? undefined
    : ALL_METRICS.find(({ name }) => name === metric);
}

/** Whether a value is within the limit of an SLO. */
export function keepsLimit({ operator, limit }: Slo, value: number): boolean {
  return COMPARE[operator](value, limit);
}

/**
 * Returns whether a request that ended `ok` keeps the limit of each SLO on a metric of single requests; where a metric
 * has several values, their mean. Returns `undefined` if there is no such SLO.
 */
export function goodRequest(
  slos: readonly Slo[],
): ((sample: Sample) => boolean) | undefined {
  const limits = slos.flatMap((slo) => {
    const metric = metricOfSlo(slo);
    return metric ? [{ metric, slo }] : [];
  });
  if (limits.length === 0) return undefined;
  return (sample) =>
    limits.every(({ metric, slo }) => {
      const value = metric.of(sample);
      const one = typeof value === "object" ? mean(value) : value;
      return one !== undefined && keepsLimit(slo, one);
    });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Judges SLOs by what a stage measured. A metric without data misses its SLO: nothing shows that it was kept. */
export function judgeSlos(
  slos: readonly Slo[],
  stage: Measured,
  minSamples?: MinSamples,
): SloResult[] {
  return slos.map((slo) => {
    const { text, metric, quantile, limit, unit } = slo;
    const { value, n } = valueOf(slo, stage);
    const needed = isQuantile(quantile)
      ? samplesNeeded(quantile, minSamples)
      : 0;
    return {
      objective: text,
      metric,
      ...(quantile !== undefined && { quantile }),
      limit,
      unit,
      ...(value !== undefined && { value }),
      n: value === undefined ? 0 : n,
      pass: value !== undefined && keepsLimit(slo, value),
      ...(value === undefined
        ? { reason: `no request of the stage has a value of ${metric}` }
        : n < needed && {
          reason: `too few values: ${quantile} needs ${needed}`,
        }),
    };
  });
}

/** Returns the value that an SLO limits, and the number of requests that it is made from. */
function valueOf(
  { metric, quantile }: Slo,
  { metrics, client, quality, rates, counts }: Measured,
): { readonly value: number | undefined; readonly n: number } {
  if (quantile !== undefined) {
    const summary = metrics[metric] ??
      client[
        metric as "scheduleLag" | "chunkLateness" | "turnaround" | ShareName
      ];
    return { value: summary?.[quantile], n: summary?.n ?? 0 };
  }
  if (metric === "wer" || metric === "cer") {
    const rate = quality[metric];
    return { value: rate?.value, n: rate?.utterances ?? 0 };
  }
  const { ok, error, timeout } = counts;
  return {
    value: rates[metric as keyof Rates],
    n: metric === "errorRate" ? ok + error + timeout : ok,
  };
}

/**
 * The SLO that at most this share of a stage's requests fail.
 *
 * @param share 0 to 1: 0.05 for 5 %.
 * @throws {UsageError} If it is not a share.
 */
export function maxErrorRate(share: number): Slo {
  if (!(share >= 0 && share <= 1)) {
    throw new UsageError(
      `maxErrorRate must be between 0 and 1, but was ${share}`,
    );
  }
  // Twelve digits: enough for any limit, and without the noise of 0.07 * 100.
  const percent = Number((100 * share).toPrecision(12));
  return parseSlos([`errorRate<=${percent}%`])[0]!;
}

/** Formats the measured value of an SLO for people: `214 ms (n = 60)`, or `no data`. */
export function formatSloValue({ value, unit, n, reason }: SloResult): string {
  if (value === undefined) return "no data";
  const number = Number(
    (unit === "share" ? 100 * value : value).toPrecision(4),
  );
  const signs: Partial<Record<SloUnit, string>> = {
    share: " %",
    ratio: "",
    count: "",
    "/s": "/s",
  };
  return `${number}${signs[unit] ?? ` ${unit}`} (n = ${n}${
    reason ? `; ${reason}` : ""
  })`;
}
