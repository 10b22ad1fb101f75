/** Result of the best alignment of two sequences. */
export interface Alignment {
  /** The fewest substitutions, deletions and insertions that turn one into the other. */
  readonly errors: number;
  /** The fewest substitutions among the alignments with that many errors. */
  readonly substitutions: number;
}

/** Work that is done in slices: it yields about every millisecond. */
export type Slices<T> = Generator<void, T, void>;

/** Does all slices of some work and returns its result. */
export function finish<T>(work: Slices<T>): T {
  let slice = work.next();
  while (!slice.done) slice = work.next();
  return slice.value;
}

/** Words of a slice. */
const SLICE = 100_000;

/** Rows in one word of a bit vector. */
const BITS = 32;

/** Smallest distance between columns that are kept: short texts have a single block. */
const MIN_EVERY = 256;

/** Words of memory for the rows of values, beyond which they are computed again. */
const MAX_MATCH_WORDS = 4_000_000;

/**
 * Aligns two sequences.
 *
 * The distance is computed with bit vectors, 32 rows of a column at a time (Myers, 1999; Hyyrö, 2003). The substitutions
 * are then counted backwards from the end, over the few cells of best alignments: the vectors of a column show which
 * steps lead from one such cell to the next. They are kept for some columns and computed again for the others.
 *
 * `a` gives the rows and `b` the columns. Values of `a` are at least 0; a negative value of `b` matches nothing.
 */
export function* align(a: Int32Array, b: Int32Array): Slices<Alignment> {
  if (a.length === 0 || b.length === 0) {
    return { errors: Math.max(a.length, b.length), substitutions: 0 };
  }
  const table = new CostTable(a, b);
  const errors = yield* table.distance();
  return { errors, substitutions: yield* countSubstitutions(a, b, table) };
}

/**
 * Vectors of consecutive columns, one column after the other. Bit i of a column's vector describes the row below
 * boundary i: its first bit describes row 1.
 */
interface Vectors {
  /** The first column. */
  readonly from: number;
  /** Words of one column. */
  readonly words: number;
  /** Whether a cell of the column before costs one more than the one above it. */
  readonly down: Int32Array;
  /** Whether a cell costs one more than the one to the left. */
  readonly right: Int32Array;
  /** Whether the step from above left leads here at its own cost: 0 for a match, else 1. */
  readonly diagonal: Int32Array;
}

/** One column of costs, as differences between a cell and the one above it. */
interface Column {
  /** Rows that cost one more than the row above. */
  readonly plus: Int32Array;
  /** Rows that cost one less than the row above. */
  readonly minus: Int32Array;
}

/** The table of costs, as differences between neighbouring cells. */
class CostTable {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  readonly #rows: MatchingRows;
  /** Number of columns whose words are computed in a slice. */
  readonly columnsPerSlice: number;
  /** Distance between the columns that are kept. */
  readonly #every: number;
  readonly #kept: Column[] = [];
  /** The last column, once {@linkcode distance} has ended. */
  readonly last: Column;

  constructor(a: Int32Array, b: Int32Array) {
    this.#a = a;
    this.#b = b;
    this.#rows = new MatchingRows(a);
    this.#every = Math.max(MIN_EVERY, Math.ceil(Math.sqrt(b.length)));
    const words = Math.ceil(a.length / BITS);
    this.columnsPerSlice = Math.ceil(SLICE / words);
    this.last = {
      plus: new Int32Array(words).fill(-1),
      minus: new Int32Array(words),
    };
  }

  /** Computes all columns. Returns the cost of the last cell. */
  *distance(): Slices<number> {
    const { plus, minus } = this.last;
    const bottom = this.#a.length - 1;
    let cost = this.#a.length;
    for (const [j, value] of this.#b.entries()) {
      if (j % this.#every === 0) {
        this.#kept.push({ plus: plus.slice(), minus: minus.slice() });
      }
      cost += nextColumn(this.last, this.#rows.of(value), bottom);
      if (j % this.columnsPerSlice === 0) yield;
    }
    return cost;
  }

  /** Computes again the vectors of the columns that end with column `to`, down to row `rows`. */
  *vectors(to: number, rows: number): Slices<Vectors> {
    const block = Math.floor((to - 1) / this.#every);
    const from = block * this.#every + 1;
    const words = Math.floor(Math.max(0, rows - 1) / BITS) + 1;
    const kept = this.#kept[block]!;
    const column = {
      plus: kept.plus.slice(0, words),
      minus: kept.minus.slice(0, words),
    };
    const size = (to - from + 1) * words;
    const down = new Int32Array(size);
    const right = new Int32Array(size);
    const diagonal = new Int32Array(size);
    for (let j = from; j <= to; j++) {
      const at = (j - from) * words;
      down.set(column.plus, at);
      const equal = this.#rows.of(this.#b[j - 1]!);
      nextColumn(column, equal, 0, { right, diagonal, at });
      if (j % this.columnsPerSlice === 0) yield;
    }
    return { from, words, down, right, diagonal };
  }
}

/**
 * Turns one column into the next. Returns the change of the cost in row `bottom`, counted from 0, of the last word.
 *
 * @param equal The rows whose value is the next column's.
 */
function nextColumn(
  { plus, minus }: Column,
  equal: Int32Array,
  bottom: number,
  record?: Pick<Vectors, "right" | "diagonal"> & { readonly at: number },
): number {
  // The row above the first costs one more in each column.
  let carryPlus = 1, carryMinus = 0;
  let right = 0, left = 0;
  for (let w = 0; w < plus.length; w++) {
    const p = plus[w]!, q = minus[w]!;
    const match = equal[w]!;
    const x = match | carryMinus;
    const zero = ((((x & p) + p) | 0) ^ p) | x | q;
    right = q | ~(zero | p);
    left = p & zero;
    const rightDown = (right << 1) | carryPlus;
    const leftDown = (left << 1) | carryMinus;
    carryPlus = right >>> 31;
    carryMinus = left >>> 31;
    plus[w] = leftDown | ~(zero | rightDown);
    minus[w] = rightDown & zero;
    if (record) {
      record.right[record.at + w] = right;
      record.diagonal[record.at + w] = match | ~zero;
    }
  }
  return (right >>> bottom & 1) - (left >>> bottom & 1);
}

/** The rows of a sequence that hold a value, as bits. */
class MatchingRows {
  readonly #words: number;
  readonly #positions: ReadonlyMap<number, readonly number[]>;
  readonly #vectors = new Map<number, Int32Array>();

  constructor(a: Int32Array) {
    this.#words = Math.ceil(a.length / BITS);
    this.#positions = Map.groupBy(a.keys(), (i) => a[i]!);
  }

  of(value: number): Int32Array {
    const known = this.#vectors.get(value);
    if (known) return known;
    if (this.#vectors.size * this.#words > MAX_MATCH_WORDS) {
      this.#vectors.clear();
    }
    const vector = new Int32Array(this.#words);
    for (const i of this.#positions.get(value) ?? []) {
      vector[i >>> 5]! |= 1 << (i & 31);
    }
    this.#vectors.set(value, vector);
    return vector;
  }
}

/** More than any number of substitutions. */
const FAR = 2 ** 30;

/** The cells of one column from which a best alignment leads to the end. */
interface Cells {
  /** The fewest substitutions from here to the end, by row; `FAR` where no best alignment passes. */
  readonly fewest: Int32Array;
  /** The first such row. */
  low: number;
  /** The last such row. */
  high: number;
}

/** The fewest substitutions of a best alignment, counted from the end of both sequences to their beginning. */
function* countSubstitutions(
  a: Int32Array,
  b: Int32Array,
  table: CostTable,
): Slices<number> {
  const cells = lastColumn(a.length, table.last.plus);
  for (let j = b.length; j > 0;) {
    const vectors = yield* table.vectors(j, cells.high);
    for (; j >= vectors.from; j--) {
      stepBack(cells, { a, value: b[j - 1]!, vectors, j });
      if (j % table.columnsPerSlice === 0) yield;
    }
  }
  return cells.fewest[0]!;
}

function lastColumn(n: number, down: Int32Array): Cells {
  const fewest = new Int32Array(n + 2).fill(FAR);
  let low = n;
  fewest[n] = 0;
  for (; low > 0 && down[low - 1 >>> 5]! >>> (low - 1) & 1; low--) {
    fewest[low - 1] = 0;
  }
  return { fewest, low, high: n };
}

/** Turns the cells of column `j` into those of the column before. */
function stepBack(
  cells: Cells,
  { a, value, vectors, j }: {
    a: Int32Array;
    value: number;
    vectors: Vectors;
    j: number;
  },
): void {
  const { fewest, low, high } = cells;
  const { down, right, diagonal, words } = vectors;
  const at = (j - vectors.from) * words;
  const bit = (vector: Int32Array, i: number) =>
    vector[at + (i >>> 5)]! >>> (i & 31) & 1;
  let newLow = -1, newHigh = -1;
  // Values of the row below, in column `j` and in the column before.
  let below = FAR, newBelow = FAR;
  for (let i = high; i >= 0; i--) {
    const here = i >= low ? fewest[i]! : FAR;
    let best = i === 0 || bit(right, i - 1) ? here : FAR;
    if (below < FAR && bit(diagonal, i)) {
      best = Math.min(best, a[i] === value ? below : below + 1);
    }
    if (newBelow < FAR && bit(down, i)) best = Math.min(best, newBelow);
    fewest[i] = best;
    if (best < FAR) {
      newLow = i;
      if (newHigh < 0) newHigh = i;
    } else if (i < low) break;
    below = here;
    newBelow = best;
  }
  cells.low = newLow;
  cells.high = newHigh;
}
