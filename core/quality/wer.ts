import { align, type Slices } from "../../lib/alignment.ts";

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
 * Counts the errors of a hypothesis, in slices: a long text must not hold up a run.
 *
 * @param normalize Applied to both texts before they are cut into units.
 */
export type CountErrors = (
  reference: string,
  hypothesis: string,
  normalize: (text: string) => string,
) => Slices<EditCounts>;

/**
 * Counts word errors: the fewest substitutions, deletions and insertions that turn the reference into the hypothesis.
 * Of several ways with as few errors, the one with the fewest substitutions counts, which has the most words right:
 * that makes s, d and i unique.
 */
export const wordErrors: CountErrors = (reference, hypothesis, normalize) =>
  edits(wordsOf(normalize(reference)), wordsOf(normalize(hypothesis)));

/** Counts character errors: of code points, after `normalize`, without white space. */
export const characterErrors: CountErrors = (
  reference,
  hypothesis,
  normalize,
) =>
  edits(
    charactersOf(normalize(reference)),
    charactersOf(normalize(hypothesis)),
  );

/** The units of a text, as an iterable: a list would take many times the memory of a long text. */
type Units = Iterable<string>;

function* wordsOf(text: string): Units {
  for (const [word] of text.matchAll(/\S+/gu)) yield word;
}

function* charactersOf(text: string): Units {
  for (const character of text) if (!isSpace(character)) yield character;
}

function isSpace(character: string): boolean {
  return character <= " " || character >= "\x80"
    ? /\s/u.test(character)
    : false;
}

function* edits(reference: Units, hypothesis: Units): Slices<EditCounts> {
  const numbers = new Map<string, number>();
  const known = yield* numbered(
    reference,
    (unit) => numbers.get(unit) ?? addTo(numbers, unit),
  );
  const said = yield* numbered(hypothesis, (unit) => numbers.get(unit) ?? -1);
  const [a, b] = withoutSharedEnds(known, said);
  const { errors, substitutions: s } = yield* align(a, b);
  const surplus = a.length - b.length; // d − i, on every way
  const d = (errors - s + surplus) / 2;
  return { s, d, i: d - surplus, n: known.length };
}

function addTo(numbers: Map<string, number>, unit: string): number {
  const number = numbers.size;
  numbers.set(unit, number);
  return number;
}

/** Units that are numbered in one slice. */
const UNITS_AT_ONCE = 16_384;

/** Replaces each unit by a number, as numbers are compared faster than strings. */
function* numbered(
  units: Units,
  numberOf: (unit: string) => number,
): Slices<Int32Array> {
  let numbers = new Int32Array(64), size = 0;
  for (const unit of units) {
    if (size === numbers.length) {
      const longer = new Int32Array(2 * size);
      longer.set(numbers);
      numbers = longer;
    }
    numbers[size++] = numberOf(unit);
    if (size % UNITS_AT_ONCE === 0) yield;
  }
  return numbers.subarray(0, size);
}

/** Removes the shared beginning and end, which belong to some best alignment. */
function withoutSharedEnds(
  a: Int32Array,
  b: Int32Array,
): [Int32Array, Int32Array] {
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < shorter - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) tail++;
  return [
    a.subarray(head, a.length - tail),
    b.subarray(head, b.length - tail),
  ];
}
