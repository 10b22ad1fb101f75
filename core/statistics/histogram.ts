/** Largest relative error of {@linkcode Histogram.valueAt}: half a bucket ÷ its lower edge, 1 ÷ 1024. */
export const HISTOGRAM_ERROR = 2 ** -10;

/**
 * Counts of values in buckets whose width grows with the value: each power of two is cut into 512 equal parts, so that
 * a value is known to one part in 1024 whatever its size. Only buckets in use take memory. Values below 2⁻¹⁰²² in size
 * count as 0.
 */
export class Histogram {
  readonly #counts = new Map<number, number>();
  /** Keys of the buckets in order; absent after a new one was added. */
  #ascending: number[] | undefined;

  add(value: number): void {
    this.#count(keyOf(value), 1);
  }

  /** Adds all values of another histogram. */
  merge(other: Histogram): void {
    for (const [key, count] of other.#counts) this.#count(key, count);
  }

  /** About the value at `rank` (from 0) of all values in ascending order: the middle of its bucket. */
  valueAt(rank: number): number {
    this.#ascending ??= [...this.#counts.keys()].sort((a, b) => a - b);
    let below = 0;
    for (const key of this.#ascending) {
      below += this.#counts.get(key)!;
      if (rank < below) return middleOf(key);
    }
    return NaN;
  }

  #count(key: number, more: number): void {
    const count = this.#counts.get(key);
    if (count === undefined) this.#ascending = undefined;
    this.#counts.set(key, (count ?? 0) + more);
  }
}

const bits = new DataView(new ArrayBuffer(8));

/**
 * The bucket of a value, as an integer in the order of the values: the exponent and the first nine bits of the
 * fraction of its binary form, signed. 0 is 0.
 */
function keyOf(value: number): number {
  bits.setFloat64(0, Math.abs(value));
  const key = bits.getUint32(0) >>> DROPPED_BITS;
  if (key < SMALLEST_NORMAL) return 0;
  return value < 0 ? -key : key;
}

function middleOf(key: number): number {
  if (key === 0) return 0;
  const half = 1 << (DROPPED_BITS - 1);
  bits.setUint32(0, (Math.abs(key) << DROPPED_BITS) | half);
  bits.setUint32(4, 0);
  return Math.sign(key) * bits.getFloat64(0);
}

/** Of the upper 32 bits (1 sign, 11 exponent, 20 fraction), nine of the fraction are kept. */
const DROPPED_BITS = 11;
const SMALLEST_NORMAL = 1 << 9;

/**
 * Counts of values in wider buckets, 128 to each power of two, in one array: a value is added in a few nanoseconds, and
 * is known to one part in 256. Values below 1/1024 in size count as 0.
 */
export class CompactHistogram {
  /** Key of the first count. */
  #first = 0;
  #counts = new Uint32Array(0);
  #n = 0;

  /** Number of values. */
  get n(): number {
    return this.#n;
  }

  /** Counts a value. */
  add(value: number): void {
    const key = compactKeyOf(value);
    const at = key - this.#first;
    if (!(at >= 0 && at < this.#counts.length)) this.#cover(key, key);
    this.#counts[key - this.#first]!++;
    this.#n++;
  }

  /** Adds all values of another histogram. */
  merge(other: CompactHistogram): void {
    if (other.#n === 0) return;
    this.#cover(other.#first, other.#first + other.#counts.length - 1);
    const shift = other.#first - this.#first;
    const into = this.#counts, from = other.#counts;
    for (let i = 0; i < from.length; i++) into[shift + i]! += from[i]!;
    this.#n += other.#n;
  }

  /** The buckets that have values, in ascending order. */
  *buckets(): Iterable<[key: number, count: number]> {
    for (let i = 0; i < this.#counts.length; i++) {
      const count = this.#counts[i]!;
      if (count > 0) yield [this.#first + i, count];
    }
  }

  /**
   * The buckets that have values, with their edges, in ascending order.
   *
   * @param perPowerOfTwo Number of buckets to a power of two: neighbours are joined. A power of two, at most 128.
   */
  *ranges(
    perPowerOfTwo = 128,
  ): Iterable<{ from: number; to: number; count: number }> {
    const joined = 128 / perPowerOfTwo;
    let last: { from: number; to: number; count: number } | undefined;
    for (const [key, count] of this.buckets()) {
      const edges = edgesOf(key, joined);
      if (last?.from === edges.from) last.count += count;
      else {
        if (last) yield last;
        last = { ...edges, count };
      }
    }
    if (last) yield last;
  }

  /** Number of values in a bucket or below it. */
  countUpTo(key: number): number {
    let sum = 0;
    const end = Math.min(this.#counts.length, key - this.#first + 1);
    for (let i = 0; i < end; i++) sum += this.#counts[i]!;
    return sum;
  }

  /** The middle of the bucket in which the nearest rank to a quantile `p` lies. `undefined` when empty. */
  quantile(p: number): number | undefined {
    let above = Math.max(1, Math.ceil(p * this.#n));
    for (const [key, count] of this.buckets()) {
      above -= count;
      if (above <= 0) return compactMiddleOf(key);
    }
    return undefined;
  }

  /** Makes room for the keys from one to another, and for some of their neighbours. */
  #cover(first: number, last: number): void {
    if (this.#counts.length === 0) this.#first = first;
    const end = this.#first + this.#counts.length;
    const from = first < this.#first ? first - SPARE : this.#first;
    const to = last >= end ? last + 1 + SPARE : end;
    const counts = new Uint32Array(to - from);
    counts.set(this.#counts, this.#first - from);
    this.#first = from;
    this.#counts = counts;
  }
}

/** Room that is added beyond what is needed, as neighbours follow. */
const SPARE = 16;

/** Of the upper 32 bits, seven of the fraction are kept. */
const COMPACT_DROPPED_BITS = 13;

/** The key of 1/1024, which becomes 1. */
const COMPACT_SMALLEST = (1023 - 10) << 7;
const COMPACT_LEAST = 2 ** -10;

function compactKeyOf(value: number): number {
  bits.setFloat64(0, Math.abs(value));
  const key = (bits.getUint32(0) >>> COMPACT_DROPPED_BITS) - COMPACT_SMALLEST;
  if (key < 0) return 0;
  return value < 0 ? -key - 1 : key + 1;
}

/** The edges of a bucket that is joined with its neighbours. */
function edgesOf(key: number, joined: number): { from: number; to: number } {
  if (key === 0) return { from: 0, to: COMPACT_LEAST };
  const first = Math.floor((Math.abs(key) - 1) / joined) * joined;
  const [lower, upper] = [compactEdgeOf(first), compactEdgeOf(first + joined)];
  return key > 0 ? { from: lower, to: upper } : { from: -upper, to: -lower };
}

/** The lower edge of a bucket of positive values; 0 is the first. */
function compactEdgeOf(place: number): number {
  bits.setUint32(0, (place + COMPACT_SMALLEST) << COMPACT_DROPPED_BITS);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

function compactMiddleOf(key: number): number {
  if (key === 0) return 0;
  const half = 1 << (COMPACT_DROPPED_BITS - 1);
  const upper = (Math.abs(key) - 1 + COMPACT_SMALLEST) << COMPACT_DROPPED_BITS;
  bits.setUint32(0, upper | half);
  bits.setUint32(4, 0);
  return Math.sign(key) * bits.getFloat64(0);
}
