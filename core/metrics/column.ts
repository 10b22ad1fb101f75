import { type Histogram, histogram, HISTOGRAM_ERROR } from "./histogram.ts";
import type { Summary } from "../report.ts";

/** The values of one metric, in bounded memory. */
export interface Column {
  /** How many values were added. */
  readonly n: number;
  /** @throws {RangeError} If `value` is not a finite number. */
  add(value: number): void;
  /**
   * The value below which a share `p` lies, by linear interpolation (type 7 of Hyndman and Fan, 1996: the
   * position among the sorted values, from 0, is (n − 1)·p). `undefined` when empty.
   *
   * @throws {RangeError} If `p` is not between 0 and 1.
   */
  quantile(p: number): number | undefined;
  /** `undefined` when empty. */
  summary(): Summary | undefined;
}

/** How much a column keeps. */
export interface ColumnOptions {
  /** Up to this many values are kept as they are; beyond, they are counted in buckets. @default {65536} */
  readonly exact?: number;
}

/**
 * Gathers values. Up to a limit each is kept, and every statistic is exact and independent of their order.
 * Beyond it all are folded into a {@linkcode Histogram}: quantiles are then known to 1 part in 1024, which the
 * summary says, while n, mean, sd, min and max stay exact.
 */
export function column({ exact = 65_536 }: ColumnOptions = {}): Column {
  const kept = sortedValues();
  let folded: { buckets: Histogram; moments: Moments } | undefined;
  let n = 0, min = Infinity, max = -Infinity;

  function fold() {
    const values = kept.take();
    const buckets = histogram();
    for (const value of values) buckets.add(value);
    return { buckets, moments: momentsOf(values) };
  }

  function valueAt(rank: number): number {
    if (!folded) return kept.sorted()[rank]!;
    if (rank === 0) return min;
    if (rank === n - 1) return max;
    return Math.min(max, Math.max(min, folded.buckets.valueAt(rank)));
  }

  function quantile(p: number): number | undefined {
    checkShare(p);
    if (n === 0) return undefined;
    const position = (n - 1) * p;
    const rank = Math.floor(position);
    const lower = valueAt(rank);
    if (position === rank) return lower;
    const upper = valueAt(rank + 1);
    return Math.min(upper, lower + (position - rank) * (upper - lower));
  }

  return {
    get n() {
      return n;
    },
    add(given) {
      checkFinite(given);
      const value = given + 0; // −0 becomes 0
      n++;
      min = Math.min(min, value);
      max = Math.max(max, value);
      if (n > exact) folded ??= fold();
      if (!folded) return kept.add(value);
      folded.buckets.add(value);
      include(folded.moments, value);
    },
    quantile,
    summary() {
      if (n === 0) return undefined;
      const { mean, squares } = folded?.moments ?? momentsOf(kept.sorted());
      return {
        n,
        mean: Math.min(max, Math.max(min, mean)),
        ...(n > 1 && { sd: Math.sqrt(squares / (n - 1)) }),
        min,
        max,
        p5: quantile(0.05)!,
        p50: quantile(0.5)!,
        p90: quantile(0.9)!,
        p95: quantile(0.95)!,
        p99: quantile(0.99)!,
        p999: quantile(0.999)!,
        ...(folded && { quantileError: HISTOGRAM_ERROR }),
      };
    },
  };
}

/**
 * Values that are put in order when someone looks: only those added since are sorted and merged in, so that
 * a glance at a running column is cheap.
 */
function sortedValues() {
  let values = new Float64Array(64);
  let n = 0, inOrder = 0;

  function merge(): void {
    const added = values.slice(inOrder, n).sort();
    let i = inOrder - 1, j = added.length - 1;
    for (let at = n - 1; j >= 0; at--) {
      values[at] = i >= 0 && values[i]! > added[j]!
        ? values[i--]!
        : added[j--]!;
    }
    inOrder = n;
  }

  function sorted(): Float64Array {
    if (inOrder < n) merge();
    return values.subarray(0, n);
  }

  return {
    sorted,
    add(value: number): void {
      if (n === values.length) {
        const grown = new Float64Array(n * 2);
        grown.set(values);
        values = grown;
      }
      values[n++] = value;
    },
    /** The values in order; none are kept. */
    take(): Float64Array {
      const all = sorted();
      values = new Float64Array(0);
      n = inOrder = 0;
      return all;
    },
  };
}

/** Running mean and sum of squared differences from it (Welford, 1962). */
interface Moments {
  n: number;
  mean: number;
  squares: number;
}

function include(moments: Moments, value: number): void {
  const from = value - moments.mean;
  moments.mean += from / ++moments.n;
  moments.squares += from * (value - moments.mean);
}

function momentsOf(values: Float64Array): Moments {
  const moments = { n: 0, mean: 0, squares: 0 };
  for (const value of values) include(moments, value);
  return moments;
}

function checkFinite(value: number): void {
  if (!Number.isFinite(value)) {
    throw new RangeError(
      `Cannot add to a column as 'value' must be a finite number: current value is ${value}`,
    );
  }
}

function checkShare(p: number): void {
  if (!(p >= 0 && p <= 1)) {
    throw new RangeError(
      `Cannot read a quantile as 'p' must be between 0 and 1: current value is ${p}`,
    );
  }
}
