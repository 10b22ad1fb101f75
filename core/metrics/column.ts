import type { Summary } from "../report.ts";
import { Histogram, HISTOGRAM_ERROR } from "../statistics/histogram.ts";

/**
 * The values of one metric, in bounded memory. Up to a limit each value is kept, and every statistic is exact and
 * independent of their order. Beyond it all are folded into a {@linkcode Histogram}: quantiles are then known to 1
 * part in 1024, which the summary says, while n, mean, sd, min and max stay exact.
 */
export class Column {
  readonly #exact: number;
  readonly #kept = new SortedValues();
  #folded: { readonly buckets: Histogram; moments: Moments } | undefined;
  #n = 0;
  #min = Infinity;
  #max = -Infinity;

  /** @param exact Up to this many values are kept as they are; beyond, they are counted in buckets. */
  constructor(exact = 65_536) {
    this.#exact = exact;
  }

  /** Number of values added. */
  get n(): number {
    return this.#n;
  }

  /** @throws {RangeError} If `given` is not a finite number. */
  add(given: number): void {
    if (!Number.isFinite(given)) {
      throw new RangeError(`value must be a finite number, but was ${given}`);
    }
    const value = given + 0; // −0 becomes 0
    this.#n++;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    if (this.#n > this.#exact) this.#fold();
    if (!this.#folded) return this.#kept.add(value);
    this.#folded.buckets.add(value);
    include(this.#folded.moments, value);
  }

  /** Adds all values of another column, as if they had been added here. */
  merge(other: Column): void {
    const { n } = this;
    this.#n += other.n;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
    if (this.#n <= this.#exact && !other.#folded) {
      for (const value of other.#kept.sorted()) this.#kept.add(value);
      return;
    }
    const folded = this.#fold();
    if (other.#folded) folded.buckets.merge(other.#folded.buckets);
    else for (const value of other.#kept.sorted()) folded.buckets.add(value);
    const moments = other.#moments();
    folded.moments = n === 0 ? { ...moments } : pooled(folded.moments, moments);
  }

  /**
   * The value below which a share `p` of all lies, by linear interpolation (type 7 of Hyndman and Fan, 1996: the
   * position among the sorted values, from 0, is (n − 1)·p). `undefined` when empty.
   *
   * @throws {RangeError} If `p` is not between 0 and 1.
   */
  quantile(p: number): number | undefined {
    if (!(p >= 0 && p <= 1)) {
      throw new RangeError(`p must be between 0 and 1, but was ${p}`);
    }
    if (this.#n === 0) return undefined;
    const position = (this.#n - 1) * p;
    const rank = Math.floor(position);
    const lower = this.#valueAt(rank);
    if (position === rank) return lower;
    const upper = this.#valueAt(rank + 1);
    return Math.min(upper, lower + (position - rank) * (upper - lower));
  }

  /** `undefined` when empty. */
  summary(): Summary | undefined {
    const n = this.#n;
    if (n === 0) return undefined;
    const { mean, squares } = this.#moments();
    return {
      n,
      mean: Math.min(this.#max, Math.max(this.#min, mean)),
      ...(n > 1 && { sd: Math.sqrt(squares / (n - 1)) }),
      min: this.#min,
      max: this.#max,
      p5: this.quantile(0.05)!,
      p50: this.quantile(0.5)!,
      p90: this.quantile(0.9)!,
      p95: this.quantile(0.95)!,
      p99: this.quantile(0.99)!,
      p999: this.quantile(0.999)!,
      ...(this.#folded && { quantileError: HISTOGRAM_ERROR }),
    };
  }

  #fold() {
    if (this.#folded) return this.#folded;
    const values = this.#kept.take();
    const buckets = new Histogram();
    for (const value of values) buckets.add(value);
    return this.#folded = { buckets, moments: momentsOf(values) };
  }

  #moments(): Moments {
    return this.#folded?.moments ?? momentsOf(this.#kept.sorted());
  }

  #valueAt(rank: number): number {
    if (!this.#folded) return this.#kept.sorted()[rank]!;
    if (rank === 0) return this.#min;
    if (rank === this.#n - 1) return this.#max;
    const value = this.#folded.buckets.valueAt(rank);
    return Math.min(this.#max, Math.max(this.#min, value));
  }
}

/**
 * Values that are sorted when they are read: only those added since the last time are sorted and merged in, so that
 * reading a running column is cheap.
 */
class SortedValues {
  #values = new Float64Array(64);
  #n = 0;
  #inOrder = 0;

  add(value: number): void {
    if (this.#n === this.#values.length) {
      const grown = new Float64Array(this.#n * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#n++] = value;
  }

  /** The values in order. */
  sorted(): Float64Array {
    if (this.#inOrder < this.#n) this.#sortAdded();
    return this.#values.subarray(0, this.#n);
  }

  /** Returns the values in order and keeps none. */
  take(): Float64Array {
    const all = this.sorted();
    this.#values = new Float64Array(0);
    this.#n = this.#inOrder = 0;
    return all;
  }

  #sortAdded(): void {
    const values = this.#values;
    const added = values.slice(this.#inOrder, this.#n).sort();
    let i = this.#inOrder - 1, j = added.length - 1;
    for (let at = this.#n - 1; j >= 0; at--) {
      values[at] = i >= 0 && values[i]! > added[j]!
        ? values[i--]!
        : added[j--]!;
    }
    this.#inOrder = this.#n;
  }
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

/** Moments of two sets of values together (Chan, Golub and LeVeque, 1979). */
function pooled(a: Moments, b: Moments): Moments {
  const n = a.n + b.n;
  const apart = b.mean - a.mean;
  return {
    n,
    mean: a.mean + apart * b.n / n,
    squares: a.squares + b.squares + apart * apart * a.n * b.n / n,
  };
}
