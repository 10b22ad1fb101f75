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
