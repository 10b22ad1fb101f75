import type { Bounds } from "./statistics/distributions.ts";

/** Confidence intervals of the quantiles of a metric. Each is absent where there are too few values for it. */
export type QuantileBounds = Readonly<
  Partial<Record<"p50" | "p90" | "p95" | "p99", Bounds>>
>;

/**
 * Confidence intervals of what one stage of one run measured: how far its figures may be from those of an endless stage
 * under the same conditions. What differs between runs is not in them. Each is absent where there are too few values.
 */
export interface WithinRunIntervals {
  /** Probability with which an interval contains the value: 0.95. */
  readonly confidence: number;
  /** Of the quantiles of metrics, by their names. */
  readonly metrics: Readonly<Record<string, QuantileBounds>>;
  /** Of the rates, by their names. */
  readonly rates: Readonly<Record<string, Bounds>>;
  /** Of word and character error rates. */
  readonly quality: { readonly wer?: Bounds; readonly cer?: Bounds };
}
