import { type Bounds, shareBounds } from "../statistics/distributions.ts";
import { MAX_BATCHES } from "../statistics/batches.ts";
import { Bins } from "../statistics/bins.ts";
import { CompactHistogram } from "../statistics/histogram.ts";
import { effectiveCounts, LEAST_FACTOR } from "../statistics/ratio.ts";
import type { Column } from "./column.ts";

/** Confidence of the intervals that a report gives. */
export const CONFIDENCE = 0.95;

/**
 * Values beyond a quantile that show how correlated they are. With fewer a calm run has low quantiles and seems to have
 * little correlation, both by the same chance.
 */
const EVENTS = 64;

/**
 * The values of a metric in batches of consecutive requests, for the confidence intervals of its quantiles within a run
 * (Woodruff, 1952). The share of values up to a quantile varies between batches: how much shows how many independent
 * values these are worth. As many give exact bounds of the share, and the quantiles at these bounds are the interval. An
 * extreme quantile is taken for worth no more than one with {@linkcode EVENTS} values beyond it. All values of a request
 * are in one batch, so that they need not be independent of each other.
 */
export class QuantileBatches {
  readonly #batches = new Bins<CompactHistogram>({
    max: MAX_BATCHES,
    create: () => new CompactHistogram(),
    merge: (into, from) => into.merge(from),
  });

  /** Adds the value, or the values, of a request. */
  add(id: number, value: number | readonly number[]): void {
    const batch = this.#batches.at(id);
    if (typeof value === "number") batch.add(value);
    else for (const each of value) batch.add(each);
  }

  /** Adds the values of other requests. */
  merge(other: QuantileBatches): void {
    this.#batches.merge(other.#batches);
  }

  /**
   * The interval of the quantile `p`. `undefined` with too few batches, and where either end would lie beyond the smallest
   * or the largest value.
   *
   * @param column The same values.
   */
  interval(
    p: number,
    column: Pick<Column, "n" | "quantile">,
  ): Bounds | undefined {
    const batches = Array.from(this.#batches.entries(), ([, batch]) => batch);
    const n = Math.min(
      ...[p, withinShare(p, EVENTS / column.n)].map((share) =>
        effectiveNumber(share, batches)
      ),
    );
    if (Number.isNaN(n)) return undefined;
    const { lower, upper } = shareBounds({
      failures: p * n,
      n,
    }, CONFIDENCE);
    if (lower * column.n < 1 || (1 - upper) * column.n < 1) return undefined;
    return { lower: column.quantile(lower)!, upper: column.quantile(upper)! };
  }
}

/** The share `p`, but at least as far from 0 and 1 as `distance`. */
function withinShare(p: number, distance: number): number {
  return Math.max(Math.min(distance, 0.5), Math.min(1 - distance, p));
}

/** How many independent values say as much about the share of values up to the quantile `p`; `NaN` with too few batches. */
function effectiveNumber(
  p: number,
  batches: readonly (CompactHistogram | undefined)[],
): number {
  const key = bucketNearest(p, batches);
  const counts = effectiveCounts({
    y: batches.map((batch) => batch?.countUpTo(key) ?? 0),
    x: batches.map((batch) => batch?.n ?? 0),
  }, { confidence: CONFIDENCE, least: LEAST_FACTOR });
  return counts?.n ?? NaN;
}

/** The bucket up to which the share of values is nearest to `p`, and neither 0 nor 1 if there is such a bucket. */
function bucketNearest(
  p: number,
  batches: readonly (CompactHistogram | undefined)[],
): number {
  const all = new CompactHistogram();
  for (const batch of batches) if (batch) all.merge(batch);
  let nearest = { key: 0, distance: Infinity }, sum = 0;
  for (const [key, count] of all.buckets()) {
    sum += count;
    const distance = Math.abs(logit(sum / all.n) - logit(p));
    if (distance < nearest.distance) nearest = { key, distance };
  }
  return nearest.key;
}

function logit(p: number): number {
  return Math.log(p / (1 - p));
}
