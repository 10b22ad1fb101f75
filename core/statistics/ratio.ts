import type { Random } from "../../lib/random.ts";
import type { Bounds } from "./distributions.ts";

/** The sums of a ratio Σy ÷ Σx, batch by batch: violations and values, or word errors and reference words. */
export interface RatioSums {
  readonly y: readonly number[];
  readonly x: readonly number[];
}

/** Number of batches below which their spread says too little. */
export const MIN_BATCHES = 10;

/** A ratio of two sums, with the variance that its batches show. */
export interface RatioEstimate {
  readonly ratio: number;
  readonly variance: number;
  /** Number of batches that have values. */
  readonly batches: number;
}

/**
 * Estimates Σy ÷ Σx and its variance between batches: B ÷ (B − 1) · Σ (y_b − r·x_b)² ÷ (Σx)², the ratio estimator of
 * cluster samples (Cochran, 1977). `undefined` for fewer than {@linkcode MIN_BATCHES} batches with values.
 */
export function estimateRatio(sums: RatioSums): RatioEstimate | undefined {
  const [y, x] = [sum(sums.y), sum(sums.x)];
  const used = sums.x.filter((each) => each > 0).length;
  if (used < MIN_BATCHES) return undefined;
  const ratio = y / x;
  let squares = 0;
  sums.x.forEach((each, i) => squares += (sums.y[i]! - ratio * each) ** 2);
  return {
    ratio,
    variance: used / (used - 1) * squares / (x * x),
    batches: used,
  };
}

/** Counts of a share, reduced to what as many independent values would say. */
export interface EffectiveCounts {
  readonly failures: number;
  readonly n: number;
  /** By how much the variance exceeds that of independent values: the design effect, at least 1. */
  readonly varianceFactor: number;
}

/**
 * Reduces the counts of a share Σy ÷ Σx by the factor with which its variance between batches exceeds that of independent
 * values, p(1 − p) ÷ n. `undefined` with too few batches. A share of 0 or 1 shows no variance: its factor is 1.
 */
export function effectiveCounts(sums: RatioSums): EffectiveCounts | undefined {
  const estimate = estimateRatio(sums);
  if (!estimate) return undefined;
  const { ratio, variance } = estimate;
  const n = sum(sums.x), independent = ratio * (1 - ratio) / n;
  const varianceFactor = independent > 0
    ? Math.max(1, variance / independent)
    : 1;
  return {
    failures: ratio * n / varianceFactor,
    n: n / varianceFactor,
    varianceFactor,
  };
}

/** Settings of {@linkcode bootstrapRatio}. */
export interface BootstrapOptions {
  readonly confidence: number;
  /** Draws the batches. */
  readonly random: Random;
  /** Number of times that batches are drawn. @default {1000} */
  readonly rounds?: number;
}

/**
 * Bounds of Σy ÷ Σx by the block bootstrap: batches are drawn with replacement, as many as there are, and the bounds are
 * percentiles of the ratios (Efron and Tibshirani, 1993; Künsch, 1989). `undefined` with too few batches.
 */
export function bootstrapRatio(
  { y, x }: RatioSums,
  { confidence, random, rounds = 1000 }: BootstrapOptions,
): Bounds | undefined {
  const used = x.flatMap((each, i) => each > 0 ? [i] : []);
  if (used.length < MIN_BATCHES) return undefined;
  const ratios = new Float64Array(rounds);
  for (let round = 0; round < rounds; round++) {
    let above = 0, below = 0;
    for (let draw = 0; draw < used.length; draw++) {
      const i = used[Math.floor(random() * used.length)]!;
      above += y[i]!;
      below += x[i]!;
    }
    ratios[round] = above / below;
  }
  ratios.sort();
  const tail = (1 - confidence) / 2;
  const at = (p: number) =>
    ratios[Math.min(rounds - 1, Math.max(0, Math.floor(p * rounds)))]!;
  return { lower: at(tail), upper: at(1 - tail) };
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
