/** How a hypothesis differs from its reference, in units (words or characters). */
export interface EditCounts {
  /** Substitutions. */
  readonly s: number;
  /** Deletions: units of the reference that the hypothesis lacks. */
  readonly d: number;
  /** Insertions: units of the hypothesis that the reference lacks. */
  readonly i: number;
  /** Units in the reference. */
  readonly n: number;
}

/**
 * Word errors: the fewest substitutions, deletions and insertions that turn the reference into the hypothesis.
 * Where several ways are as short, the one with the fewest substitutions counts, which is the one with the most
 * words right; that fixes s, d and i.
 *
 * @param normalize Applied to both texts before they are cut at white space.
 */
export function wordErrors(
  reference: string,
  hypothesis: string,
  normalize: (text: string) => string,
): EditCounts {
  return edits(words(normalize(reference)), words(normalize(hypothesis)));
}

/** The same over characters: code points, after `normalize`, without white space. */
export function characterErrors(
  reference: string,
  hypothesis: string,
  normalize: (text: string) => string,
): EditCounts {
  return edits(
    characters(normalize(reference)),
    characters(normalize(hypothesis)),
  );
}

function words(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}

function characters(text: string): string[] {
  return Array.from(text.replace(/\s+/gu, ""));
}

function edits(reference: string[], hypothesis: string[]): EditCounts {
  const [a, b] = withoutSharedEnds(numbered(reference, hypothesis));
  const { errors, s } = distance(a, b);
  const surplus = a.length - b.length; // d − i, on every way
  const d = (errors - s + surplus) / 2;
  return { s, d, i: d - surplus, n: reference.length };
}

/** Each distinct unit gets a number: comparing numbers is faster than comparing strings. */
function numbered(a: string[], b: string[]): [Int32Array, Int32Array] {
  const numbers = new Map<string, number>();
  const number = (unit: string) => {
    const known = numbers.get(unit) ?? numbers.size;
    numbers.set(unit, known);
    return known;
  };
  return [Int32Array.from(a, number), Int32Array.from(b, number)];
}

/** Equal beginnings and ends belong to some best way, so they need not be searched. */
function withoutSharedEnds(
  [a, b]: [Int32Array, Int32Array],
): [Int32Array, Int32Array] {
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < shorter - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  return [
    a.subarray(head, a.length - tail),
    b.subarray(head, b.length - tail),
  ];
}

/**
 * A way with e errors strays at most e from the diagonal, so a band of that width holds every best way. The
 * band doubles until it is as wide as the errors found in it (Ukkonen, 1985): alike texts are compared in
 * O(length × errors).
 */
function distance(
  a: Int32Array,
  b: Int32Array,
): { errors: number; s: number } {
  let band = Math.max(8, Math.abs(a.length - b.length));
  while (true) {
    const found = banded(a, b, band);
    if (found.errors <= band) return found;
    band *= 2;
  }
}

/**
 * Levenshtein's recurrence in one row, within the band. A cost holds both counts, errors × unit + substitutions,
 * so that its order is that of the errors first and of the substitutions second. That holds up to `band`
 * errors; beyond, a cost only says that there are more.
 */
function banded(
  a: Int32Array,
  b: Int32Array,
  band: number,
): { errors: number; s: number } {
  const unit = band + 2;
  const { row, far } = rowOf(b.length + 1, band);
  for (let j = 0; j <= Math.min(b.length, band); j++) row[j] = j * unit;
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - band);
    const to = Math.min(b.length, i + band);
    const left = i <= band ? i * unit : far;
    fillRow(row, { is: a[i - 1]!, b, from, to, left, unit, far });
    row[from - 1] = left;
  }
  const cost = row[b.length]!;
  return { errors: Math.floor(cost / unit), s: cost % unit };
}

/** Whole numbers where the costs of a band fit in; `far` is more than any of these. */
function rowOf(length: number, band: number) {
  return band <= 32_000
    ? { row: new Int32Array(length).fill(2 ** 30), far: 2 ** 30 }
    : { row: new Float64Array(length).fill(2 ** 50), far: 2 ** 50 };
}

interface RowOptions {
  /** The unit of the reference that this row is about. */
  readonly is: number;
  readonly b: Int32Array;
  readonly from: number;
  readonly to: number;
  /** Cost just left of `from`. */
  readonly left: number;
  readonly unit: number;
  readonly far: number;
}

/** Turns the costs up to one unit of the reference into those up to the next: all the time goes here. */
function fillRow(
  row: Int32Array | Float64Array,
  { is, b, from, to, left, unit, far }: RowOptions,
): void {
  let diagonal = row[from - 1]!;
  let cost = left;
  for (let j = from; j <= to; j++) {
    const above = row[j]!;
    const through = is === b[j - 1] ? diagonal : diagonal + unit + 1;
    cost = Math.min(through, Math.min(above, cost) + unit, far);
    row[j] = cost;
    diagonal = above;
  }
}
