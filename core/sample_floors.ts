import type { MinSamples } from "./config.ts";
import type {
  MetricSummary,
  Quantile,
  StageReport,
  Summary,
} from "./report.ts";

/** Number of values from which a quantile differs from the largest or smallest one: 1 ÷ (1 − p), or 1 ÷ p. */
export const valuesNeeded = {
  p5: 20,
  p50: 2,
  p90: 10,
  p95: 20,
  p99: 100,
  p999: 1000,
} as const satisfies Record<Quantile, number>;

/** The normal distribution lies to 99 % within this many standard deviations of its mean. */
const Z_99 = 2.5758293035489;
/** MLPerf rounds up to a multiple of this. */
const MLPERF_STEP = 2 ** 13;

/**
 * MLPerf's floors: a quantile p is known with 99 % confidence to within (1 − p) ÷ 20, so that n = p·(1 − p)·(z ÷ margin)².
 * That is 24,576 for p90, 57,344 for p95 and 270,336 for p99 (inference rules, "number of queries").
 */
function mlperfFloor(quantile: Quantile): number {
  const p = Number(`0.${quantile.slice(1).padStart(2, "0")}`);
  const beyond = Math.min(p, 1 - p);
  const n = p * (1 - p) * (Z_99 / (beyond / 20)) ** 2;
  return MLPERF_STEP * Math.ceil(n / MLPERF_STEP);
}

/** Number of values that a quantile needs. `minSamples` raises it. */
export function samplesNeeded(
  quantile: Quantile,
  minSamples: MinSamples = 0,
): number {
  const floor = minSamples === "mlperf" ? mlperfFloor(quantile) : minSamples;
  return Math.max(valuesNeeded[quantile], floor);
}

/** The quantiles that a summary has too few values for, each with the number that it needs; `undefined` if it has enough for all. */
export function tooFewFor(
  { n }: Pick<Summary, "n">,
  minSamples?: MinSamples,
): MetricSummary["valuesNeeded"] {
  const quantiles = Object.keys(valuesNeeded) as Quantile[];
  const few = quantiles
    .map((name) => [name, samplesNeeded(name, minSamples)] as const)
    .filter(([, needed]) => n < needed);
  return few.length > 0 ? Object.fromEntries(few) : undefined;
}

/** Quantiles that must have enough values where no SLO names any. */
const SHOWN = ["p50", "p90", "p95", "p99"] as const;

/**
 * The reason why a stage has fewer samples than the run asked for; `undefined` if it has enough. The quantiles of SLOs
 * count, or without any those of the requests that ended `ok`.
 */
export function floorReason(
  { counts, slo = [] }: Pick<StageReport, "counts" | "slo">,
  minSamples: MinSamples | undefined,
): string | undefined {
  if (minSamples === undefined || counts.ok === 0) return undefined;
  const judged = slo.flatMap(({ metric, quantile, n }) =>
    isQuantile(quantile) ? [{ name: `${metric}.${quantile}`, quantile, n }] : []
  );
  const all = judged.length > 0
    ? judged
    : SHOWN.map((quantile) => ({ name: quantile, quantile, n: counts.ok }));
  const few = all.flatMap(({ name, quantile, n }) => {
    const needed = samplesNeeded(quantile, minSamples);
    return n < needed ? [`${name} needs ${needed} values and has ${n}`] : [];
  });
  if (few.length === 0) return undefined;
  const rule = minSamples === "mlperf" ? "MLPerf's floors" : "--min-samples";
  return `too few samples by ${rule}: ${few.join(", ")}: measure longer`;
}

/** Whether the statistic of an SLO is a quantile. */
export function isQuantile(name: string | undefined): name is Quantile {
  return name !== undefined && Object.hasOwn(valuesNeeded, name);
}
