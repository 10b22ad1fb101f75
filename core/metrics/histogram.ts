/**
 * Counts of values in buckets whose width grows with the value: each power of two is cut into 512 equal
 * parts, so that a value is known to one part in 1024 whatever its size. Only buckets in use take memory.
 */
export interface Histogram {
  add(value: number): void;
  /** About the value at `rank` (from 0) of all values in ascending order: the middle of its bucket. */
  valueAt(rank: number): number;
}

/** Largest relative error of {@linkcode Histogram.valueAt}: half a bucket ÷ its lower edge, 1 ÷ 1024. */
export const HISTOGRAM_ERROR = 2 ** -10;

/** An empty one. Values below 2⁻¹⁰²² in size count as 0. */
export function histogram(): Histogram {
  const counts = new Map<number, number>();
  const bits = new DataView(new ArrayBuffer(8));
  let ascending: number[] | undefined;
  return {
    add(value) {
      const key = keyOf(value, bits);
      const count = counts.get(key);
      if (count === undefined) ascending = undefined;
      counts.set(key, (count ?? 0) + 1);
    },
    valueAt(rank) {
      ascending ??= [...counts.keys()].sort((a, b) => a - b);
      let below = 0;
      for (const key of ascending) {
        below += counts.get(key)!;
        if (rank < below) return middleOf(key, bits);
      }
      return NaN;
    },
  };
}

/**
 * The bucket of a value, as an integer in the order of the values: the exponent and the first nine bits of the
 * fraction of its binary form, signed. 0 is 0.
 */
function keyOf(value: number, bits: DataView): number {
  bits.setFloat64(0, Math.abs(value));
  const key = bits.getUint32(0) >>> DROPPED_BITS;
  if (key < SMALLEST_NORMAL) return 0;
  return value < 0 ? -key : key;
}

function middleOf(key: number, bits: DataView): number {
  if (key === 0) return 0;
  const half = 1 << (DROPPED_BITS - 1);
  bits.setUint32(0, (Math.abs(key) << DROPPED_BITS) | half);
  bits.setUint32(4, 0);
  return Math.sign(key) * bits.getFloat64(0);
}

/** Of the upper 32 bits (1 sign, 11 exponent, 20 fraction), nine of the fraction are kept. */
const DROPPED_BITS = 11;
const SMALLEST_NORMAL = 1 << 9;
