import {
  type Bounds,
  normalQuantile,
  shareBounds,
  studentQuantile,
} from "./distributions.ts";

/** The sums of a ratio Σy ÷ Σx, batch by batch: violations and values, or word errors and reference words. */
export interface RatioSums {
  readonly y: readonly number[];
  readonly x: readonly number[];
}

/** Number of batches below which their spread says too little. */
export const MIN_BATCHES = 10;

/** Most batches that a variance is estimated from: longer batches are less correlated (Schmeiser, 1982). */
const USED_BATCHES = 32;

/** A ratio of two sums, with the variance that its batches show. */
export interface RatioEstimate {
  readonly ratio: number;
  readonly variance: number;
  /** Of the variance: fewer than batches where a few of them make most of it. */
  readonly degreesOfFreedom: number;
}

/**
 * Estimates Σy ÷ Σx and its variance between batches: B ÷ (B − 1) · Σ (y_b − r·x_b)² ÷ (Σx)², the ratio estimator of
 * cluster samples (Cochran, 1977). Neighbours are joined until at most 32 batches are left. `undefined` with fewer than
 * {@linkcode MIN_BATCHES} batches that have values.
 */
export function estimateRatio(sums: RatioSums): RatioEstimate | undefined {
  let { y, x } = sums;
  while (x.length > USED_BATCHES) [y, x] = [pairs(y), pairs(x)];
  const used = x.filter((each) => each > 0).length;
  if (used < MIN_BATCHES) return undefined;
  const all = sum(x), ratio = sum(y) / all;
  const squares = x.map((each, i) => (y[i]! - ratio * each) ** 2);
  return {
    ratio,
    variance: used / (used - 1) * sum(squares) / (all * all),
    degreesOfFreedom: degreesOfFreedom(squares, used),
  };
}

/** Lowest number of degrees of freedom: a few events in a few batches say little about the spread of others. */
const LEAST_DEGREES = 8;

/**
 * Degrees of freedom of a variance: B − 1, or less where the deviations have a positive excess kurtosis κ, as those of
 * rare events do. The variance of a sample variance is then s⁴·(2 ÷ (B − 1) + κ ÷ B).
 */
function degreesOfFreedom(squares: readonly number[], n: number): number {
  const mean = sum(squares) / n;
  if (mean === 0) return n - 1;
  const fourth = sum(squares.map((square) => square * square)) / n;
  const kurtosis = Math.max(0, fourth / (mean * mean) - 3);
  return Math.max(
    LEAST_DEGREES,
    (n - 1) / (1 + kurtosis * (n - 1) / (2 * n)),
  );
}

/**
 * Bounds of a ratio Σy ÷ Σx by Student's t over batches. `undefined` with too few batches, and where nothing but zeros was
 * counted: that shows no spread.
 */
export function ratioBounds(
  sums: RatioSums,
  confidence: number,
): Bounds | undefined {
  const estimate = estimateRatio(sums);
  if (!estimate || estimate.ratio === 0) return undefined;
  const { ratio, variance, degreesOfFreedom } = estimate;
  const t = studentQuantile((1 + confidence) / 2, degreesOfFreedom);
  const reach = t * Math.sqrt(variance);
  return { lower: Math.max(0, ratio - reach), upper: ratio + reach };
}

/** Counts of a share, reduced to what as many independent values would say. */
export interface EffectiveCounts {
  readonly failures: number;
  readonly n: number;
  /** Variance ÷ that of independent values: the design effect. */
  readonly varianceFactor: number;
}

/**
 * Reduces the counts of a share Σy ÷ Σx by the factor with which its variance between batches exceeds that of independent
 * values, p(1 − p) ÷ n. With `confidence` they are also reduced for the uncertainty of that variance: exact bounds of
 * them then hold with that confidence (Korn and Graubard, 1998). `undefined` with too few batches. A share of 0 or 1
 * shows no variance: its factor is 1.
 *
 * @param least Lowest factor. @default {1}
 */
export function effectiveCounts(
  sums: RatioSums,
  { confidence, least = 1 }: { confidence?: number; least?: number } = {},
): EffectiveCounts | undefined {
  const estimate = estimateRatio(sums);
  if (!estimate) return undefined;
  const { ratio, variance, degreesOfFreedom } = estimate;
  const n = sum(sums.x), independent = ratio * (1 - ratio) / n;
  const varianceFactor = independent > 0
    ? Math.max(least, variance / independent)
    : 1;
  const uncertain = confidence === undefined || independent === 0
    ? 1
    : tailRatio((1 + confidence) / 2, degreesOfFreedom) ** 2;
  const effective = n / (varianceFactor * uncertain);
  return { failures: ratio * effective, n: effective, varianceFactor };
}

/** Exact bounds of a share Σy ÷ Σx, with counts reduced to effective ones. `undefined` with too few batches. */
export function shareRatioBounds(
  sums: RatioSums,
  confidence: number,
): Bounds | undefined {
  const least = LEAST_FACTOR;
  const effective = effectiveCounts(sums, { confidence, least });
  return effective && shareBounds(effective, confidence);
}

/**
 * Lowest factor for intervals in a report. Below 1 neighbours differ more than independent values, as those of a cycle
 * do; a much lower factor is rather chance.
 */
export const LEAST_FACTOR = 0.5;

/** How much farther out a quantile of Student's t is than that of the normal distribution. */
function tailRatio(p: number, degreesOfFreedom: number): number {
  return studentQuantile(p, degreesOfFreedom) / normalQuantile(p);
}

/** Joins neighbouring batches into pairs. */
export function pairs(sums: readonly number[]): number[] {
  const joined: number[] = [];
  for (let i = 0; i < sums.length; i += 2) {
    joined.push(sums[i]! + (sums[i + 1] ?? 0));
  }
  return joined;
}

export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
