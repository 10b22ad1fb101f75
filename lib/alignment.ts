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

/** Steps of the inner loops in a slice. */
const SLICE = 100_000;

/** Rows in one word of a bit vector. */
const BITS = 32;

/** Smallest distance between columns that are kept: short texts have a single block. */
const MIN_EVERY = 256;

/** Occurrences from which a value has a vector of its own, unless there are very many rows. */
const MIN_FREQUENT = 16;

/**
 * Aligns two sequences.
 *
 * The distance is computed with bit vectors, 32 rows of a column at a time (Myers, 1999; Hyyrö, 2003), within a band around
 * the diagonal that doubles until it is as wide as the errors found in it (Ukkonen, 1985). The substitutions are then
 * counted backwards from the end, over the few cells of best alignments: the vectors of a column show which steps lead
 * from one such cell to the next. They are kept for some columns and computed again for the others.
 *
 * Short sequences are aligned with the plain table of costs, without vectors.
 *
 * `a` gives the rows and `b` the columns. Values of `a` are at least 0; a negative value of `b` matches nothing.
 */
export function* align(a: Int32Array, b: Int32Array): Slices<Alignment> {
  if (a.length === 0 || b.length === 0) {
    return { errors: Math.max(a.length, b.length), substitutions: 0 };
  }
  if (a.length * b.length <= SMALL) return smallAlignment(a, b);
  const least = Math.abs(a.length - b.length);
  for (let limit = least + 2 * BITS;; limit = 2 * limit) {
    const columns = bitColumns(a, b, limit);
    const errors = yield* columns.run();
    if (errors > limit) continue;
    return { errors, substitutions: yield* countSubstitutions(a, b, columns) };
  }
}

/** Number of cells up to which the plain table is faster than vectors. */
const SMALL = 20_000;

/**
 * Levenshtein's recurrence in one row. A cost holds both counts, errors × unit + substitutions, so that the errors
 * are compared first and the substitutions second.
 */
function smallAlignment(a: Int32Array, b: Int32Array): Alignment {
  const unit = a.length + b.length + 1;
  const row: number[] = [];
  for (let j = 0; j <= b.length; j++) row.push(j * unit);
  for (let i = 0; i < a.length; i++) {
    const value = a[i]!;
    let through = row[0]!;
    let cost = row[0] = through + unit;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!;
      if (value !== b[j - 1]) through += unit + 1;
      cost = Math.min(through, Math.min(above, cost) + unit);
      row[j] = cost;
      through = above;
    }
  }
  const cost = row[b.length]!;
  return { errors: Math.floor(cost / unit), substitutions: cost % unit };
}

/**
 * Vectors of consecutive columns, one column after the other. Bit i of a column's vector describes the row below
 * boundary i: the first bit of word `base` describes row `base * BITS + 1`.
 */
interface Vectors {
  /** The first column. */
  readonly from: number;
  /** The first word that is kept. */
  readonly base: number;
  /** Words of one column. */
  readonly words: number;
  /** Whether a cell of the column before costs one more than the one above it. */
  readonly down: Int32Array;
  /** Whether a cell costs one more than the one to the left. */
  readonly right: Int32Array;
  /** Whether the step from above left leads here at its own cost: 0 for a match, else 1. */
  readonly diagonal: Int32Array;
}

/** The table of costs, as differences between neighbouring cells. */
interface BitColumns {
  /** Computes all columns. Returns the distance; a result above the limit is only a lower bound. */
  run(): Slices<number>;
  /** Computes again the vectors of the columns that end with column `to`, down to row `rows`. */
  vectors(to: number, rows: number): Slices<Vectors>;
  /** Whether a cell of the last column costs one more than the one above it; after `run`. */
  readonly lastDown: Int32Array;
}

/** The state at one column, from word `base` on, to continue from there. */
interface Checkpoint {
  readonly base: number;
  readonly plus: Int32Array;
  readonly minus: Int32Array;
}

function bitColumns(a: Int32Array, b: Int32Array, limit: number): BitColumns {
  const n = a.length, m = b.length;
  const allWords = Math.ceil(n / BITS);
  // The distance from the diagonal, below and above, that a path of `limit` errors can reach.
  const below = Math.floor((limit + n - m) / 2);
  const above = Math.floor((limit - n + m) / 2);
  const every = Math.max(MIN_EVERY, Math.ceil(Math.sqrt(m)));
  const matches = matchVectors(a, allWords);
  const checkpoints: Checkpoint[] = [];
  const plus = new Int32Array(allWords).fill(-1);
  const minus = new Int32Array(allWords);

  const firstOf = (j: number) =>
    Math.max(0, Math.floor((j - above - 1) / BITS));
  const lastOf = (j: number) => Math.floor((Math.min(n, j + below) - 1) / BITS);

  function* run(): Slices<number> {
    let work = 0;
    let cost = (lastOf(0) + 1) * BITS;
    for (let j = 1; j <= m; j++) {
      const first = firstOf(j), last = lastOf(j);
      if ((j - 1) % every === 0) {
        const base = firstOf(j - 1);
        checkpoints.push({
          base,
          plus: plus.slice(base, last + 1),
          minus: minus.slice(base, last + 1),
        });
      }
      // Each row of a word that enters the band costs one more than the row above it.
      cost += (last - lastOf(j - 1)) * BITS;
      cost += column(matches.of(b[j - 1]!), { first, last, plus, minus });
      work += last - first + 1;
      if (work < SLICE) continue;
      work = 0;
      if (leastOf(cost, { first, last, plus, minus }) > limit) return Infinity;
      yield;
    }
    return cost - surplus(plus, minus, n);
  }

  function* vectors(to: number, rows: number): Slices<Vectors> {
    const block = Math.floor((to - 1) / every);
    const from = block * every + 1;
    const { base, ...kept } = checkpoints[block]!;
    const end = Math.max(base, Math.floor((rows - 1) / BITS)) + 1;
    const plus = new Int32Array(end).fill(-1);
    const minus = new Int32Array(end);
    plus.set(kept.plus.subarray(0, end - base), base);
    minus.set(kept.minus.subarray(0, end - base), base);
    const words = end - base;
    const [down, right, diagonal] = [0, 1, 2].map(() =>
      new Int32Array((to - from + 1) * words)
    ) as [Int32Array, Int32Array, Int32Array];
    let work = 0;
    for (let j = from; j <= to; j++) {
      const first = firstOf(j);
      const last = Math.min(end - 1, lastOf(j));
      const at = (j - from) * words;
      down.set(plus.subarray(base), at);
      const record = { right, diagonal, at: at - base };
      column(matches.of(b[j - 1]!), { first, last, plus, minus, record });
      work += last - first + 1;
      if (work < SLICE) continue;
      work = 0;
      yield;
    }
    return { from, base, words, down, right, diagonal };
  }

  return { run, vectors, lastDown: plus };
}

interface ColumnState {
  readonly first: number;
  readonly last: number;
  /** Rows that cost one more than the row above: of this column before the step, of the next after it. */
  readonly plus: Int32Array;
  /** Rows that cost one less than the row above. */
  readonly minus: Int32Array;
  readonly record?: {
    readonly right: Int32Array;
    readonly diagonal: Int32Array;
    readonly at: number;
  };
}

/** Turns the vectors of one column into those of the next. Returns the change of the cost at the bottom. */
function column(
  equal: Int32Array,
  { first, last, plus, minus, record }: ColumnState,
): number {
  // The row above costs one more in each column: by definition at the top, and at most that at the band's edge.
  let carryPlus = 1, carryMinus = 0;
  for (let w = first; w <= last; w++) {
    const p = plus[w]!, q = minus[w]!;
    const match = equal[w]!;
    const x = match | carryMinus;
    const zero = ((((x & p) + p) | 0) ^ p) | x | q;
    const right = q | ~(zero | p);
    const left = p & zero;
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
  return carryPlus - carryMinus;
}

/** A lower bound of the costs in a column's band, from the cost at its bottom. */
function leastOf(
  bottom: number,
  { first, last, plus, minus }: ColumnState,
): number {
  let least = bottom, cost = bottom;
  for (let w = last; w >= first; w--) {
    cost -= ones(plus[w]!) - ones(minus[w]!);
    least = Math.min(least, cost);
  }
  // Within a word a cost may be lower than at both of its ends.
  return least - BITS / 2;
}

function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Cost that the rows below `n` add, which fill up the last word. */
function surplus(plus: Int32Array, minus: Int32Array, n: number): number {
  let sum = 0;
  for (let i = n; i < plus.length * BITS; i++) {
    sum += bitOf(plus, i) - bitOf(minus, i);
  }
  return sum;
}

function bitOf(vector: Int32Array, i: number): number {
  return (vector[i >>> 5]! >>> (i & 31)) & 1;
}

/** Positions of the values in a sequence, as bits. */
interface MatchVectors {
  /** The rows that hold this value. The result is valid until the next call. */
  of(value: number): Int32Array;
}

/** Frequent values have a vector of their own; the vectors of the others are built when they are needed. */
function matchVectors(a: Int32Array, words: number): MatchVectors {
  const rows = new Map<number, number[]>();
  for (const [i, value] of a.entries()) {
    const known = rows.get(value);
    if (known) known.push(i);
    else rows.set(value, [i]);
  }
  const frequent = new Map<number, Int32Array>();
  for (const [value, places] of rows) {
    if (places.length < Math.max(MIN_FREQUENT, words / 8)) continue;
    const vector = new Int32Array(words);
    for (const i of places) vector[i >>> 5]! |= 1 << (i & 31);
    frequent.set(value, vector);
  }
  const scratch = new Int32Array(words);
  let used: readonly number[] = [];
  return {
    of(value) {
      const vector = frequent.get(value);
      if (vector) return vector;
      for (const i of used) scratch[i >>> 5] = 0;
      used = rows.get(value) ?? [];
      for (const i of used) scratch[i >>> 5]! |= 1 << (i & 31);
      return scratch;
    },
  };
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
  columns: BitColumns,
): Slices<number> {
  const cells = lastColumn(a.length, columns.lastDown);
  let work = 0;
  for (let j = b.length; j > 0;) {
    const vectors = yield* columns.vectors(j, cells.high);
    for (; j >= vectors.from; j--) {
      stepBack(cells, { a, value: b[j - 1]!, vectors, j });
      work += cells.high - cells.low + 1;
      if (work < SLICE) continue;
      work = 0;
      yield;
    }
  }
  return cells.fewest[0]!;
}

function lastColumn(n: number, down: Int32Array): Cells {
  const fewest = new Int32Array(n + 2).fill(FAR);
  let low = n;
  fewest[n] = 0;
  for (; low > 0 && bitOf(down, low - 1); low--) fewest[low - 1] = 0;
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
  const { down, right, diagonal, base, words } = vectors;
  const at = (j - vectors.from) * words - base;
  let newLow = -1, newHigh = -1;
  // Values of the row below, in column `j` and in the column before.
  let below = FAR, newBelow = FAR;
  for (let i = high; i >= 0;) {
    const word = i >>> 5;
    const steps = diagonal[at + word]!;
    const downs = down[at + word]!;
    // A row's bit in `right` is one lower: the first row of a word has its bit in the word before.
    const rights = (right[at + word]! << 1) |
      (word > base ? right[at + word - 1]! >>> 31 : 1);
    for (const first = word << 5; i >= first; i--) {
      const here = i >= low ? fewest[i]! : FAR;
      let best = FAR;
      if (rights >>> i & 1) best = here;
      if (steps >>> i & 1 && below < FAR) {
        const through = a[i] === value ? below : below + 1;
        if (through < best) best = through;
      }
      if (downs >>> i & 1 && newBelow < best) best = newBelow;
      fewest[i] = best;
      if (best < FAR) {
        newLow = i;
        if (newHigh < 0) newHigh = i;
      } else if (i < low) {
        i = -1;
        break;
      }
      below = here;
      newBelow = best;
    }
  }
  cells.low = newLow;
  cells.high = newHigh;
}
