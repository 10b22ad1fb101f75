import type { NormalizerName } from "./config.ts";
import type { ErrorRate, StageReport } from "./report.ts";
import type { Sample } from "./sample.ts";
import { align, finish, type Slices } from "../lib/alignment.ts";

/**
 * Word and character error rate of a stage, pooled over its samples: Σ(s + d + i) ÷ Σ n. An empty answer to a
 * reference is all deletions. Long texts take a while to compare, so they wait for `work`; while too many
 * wait, new ones are left out.
 */
export class Quality {
  readonly #normalize: (text: string) => string;
  readonly #maxWaiting: number;
  readonly #wer: ErrorRateSum;
  readonly #cer: ErrorRateSum;
  readonly #queue: (readonly [reference: string, hypothesis: string])[] = [];
  /** Characters in the queue. */
  #waiting = 0;
  /** The comparison that has begun: each slice continues where the last one ended. */
  #current: Slices<void> | undefined;

  constructor(
    normalizer: NormalizerName,
    { maxWaiting = MAX_WAITING }: { maxWaiting?: number } = {},
  ) {
    this.#normalize = normalizers[normalizer];
    this.#maxWaiting = maxWaiting;
    this.#wer = new ErrorRateSum(normalizer);
    this.#cer = new ErrorRateSum(normalizer);
  }

  /** Adds a sample. One that did not end `ok`, or has no reference, is ignored. */
  add({ input: { reference }, output: { text = "" }, outcome }: Sample): void {
    if (outcome.status !== "ok" || reference === undefined) return;
    const isLong = Math.max(reference.length, text.length) > LONG_TEXT;
    if (!isLong) return finish(this.#compare(reference, text));
    if (this.#waiting > this.#maxWaiting) return;
    this.#queue.push([reference, text]);
    this.#waiting += reference.length + text.length;
  }

  /** Adds the errors of another part of the stage. Texts that wait there are compared first. */
  merge(other: Quality): void {
    finish(other.work());
    this.#wer.merge(other.#wer);
    this.#cer.merge(other.#cer);
  }

  /** Whether too many texts wait, so that `work` must be called now. */
  get isPressed(): boolean {
    return this.#waiting > this.#maxWaiting / 10;
  }

  /** Compares the texts that wait, in slices. */
  *work(): Slices<void> {
    while (this.#current || this.#queue.length > 0) {
      this.#current ??= this.#compare(...this.#queue[0]!);
      if (this.#current.next().done) {
        const [reference, hypothesis] = this.#queue.shift()!;
        this.#waiting -= reference.length + hypothesis.length;
        this.#current = undefined;
      }
      yield;
    }
  }

  /** Drops the texts that wait: they are not in the result. */
  giveUp(): void {
    this.#queue.length = 0;
    this.#waiting = 0;
    this.#current = undefined;
  }

  /** The errors of all texts, compared now where they still wait. Each rate is absent where nothing was compared. */
  result(): StageReport["quality"] {
    finish(this.work());
    const [wer, cer] = [this.#wer.rate(), this.#cer.rate()];
    return { ...(wer && { wer }), ...(cer && { cer }) };
  }

  *#compare(reference: string, hypothesis: string): Slices<void> {
    const words = yield* wordErrors(reference, hypothesis, this.#normalize);
    const characters = yield* characterErrors(
      reference,
      hypothesis,
      this.#normalize,
    );
    this.#wer.add(words);
    this.#cer.add(characters);
  }
}

/** Characters of a long text: comparing two of this length without anything in common takes 0.1 ms. */
const LONG_TEXT = 500;

/** Characters that may wait to be compared. */
const MAX_WAITING = 50_000_000;

/** Sum of the errors of many texts. Insertions against an empty reference are counted apart: no rate can hold them. */
export class ErrorRateSum {
  readonly #normalizer: NormalizerName;
  readonly #sum = { s: 0, d: 0, i: 0, n: 0 };
  #utterances = 0;
  #emptyReferenceInsertions = 0;

  constructor(normalizer: NormalizerName) {
    this.#normalizer = normalizer;
  }

  /** Adds the errors of one text. */
  add({ s, d, i, n }: EditCounts): void {
    const hasReference = n > 0;
    this.#utterances++;
    this.#add({ s, d, i: hasReference ? i : 0, n });
    if (!hasReference) this.#emptyReferenceInsertions += i;
  }

  /** Adds another sum. */
  merge(other: ErrorRateSum): void {
    this.#utterances += other.#utterances;
    this.#emptyReferenceInsertions += other.#emptyReferenceInsertions;
    this.#add(other.#sum);
  }

  /** `undefined` when nothing was compared. */
  rate(): ErrorRate | undefined {
    if (this.#utterances === 0) return undefined;
    const { s, d, i, n } = this.#sum;
    return {
      ...(n > 0 && { value: (s + d + i) / n }),
      ...this.#sum,
      normalizer: this.#normalizer,
      utterances: this.#utterances,
      emptyReferenceInsertions: this.#emptyReferenceInsertions,
    };
  }

  #add({ s, d, i, n }: EditCounts): void {
    this.#sum.s += s;
    this.#sum.d += d;
    this.#sum.i += i;
    this.#sum.n += n;
  }
}

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

/**
 * Normalizers of reference and hypothesis, applied before they are compared.
 *
 * - `none`: no change. Capitals and punctuation count.
 * - `basic`: the rules of Whisper's multilingual normalizer (github.com/openai/whisper, normalizers/basic.py). In order: lower case; text in `<…>`, `[…]` and `(…)` is removed; compatibility composition
 *   (NFKC); every mark, symbol and punctuation character becomes a space (so `don't` becomes `don t`); lower
 *   case once more; white space is collapsed and, beyond Whisper's rules, trimmed.
 */
export const normalizers: Readonly<
  Record<NormalizerName, (text: string) => string>
> = {
  none: (text) => text,
  basic: (text) =>
    streamSafe(withoutAsides(text.toLowerCase()))
      .normalize("NFKC")
      .replace(/[\p{M}\p{S}\p{P}]/gu, " ")
      .toLowerCase()
      .replace(/\s+/gu, " ")
      .trim(),
};

/**
 * Removes `<…>` and `[…]`, either closed by `>` or by `]`; then `(…)` around at least one character. Each search for
 * a closing bracket continues where the last one ended: a regular expression would start over at every opening bracket
 * and take minutes for a text of opening brackets.
 */
function withoutAsides(text: string): string {
  const tagless = withoutSpans(text, { opening: /[<[]/g, closing: /[>\]]/g });
  return withoutSpans(tagless, {
    opening: /\(/g,
    closing: /\)/g,
    atLeast: 1,
  });
}

/** Removes every span from an opening character to the next closing one with at least `atLeast` characters between. */
function withoutSpans(
  text: string,
  { opening, closing, atLeast = 0 }: {
    opening: RegExp;
    closing: RegExp;
    atLeast?: number;
  },
): string {
  const kept: string[] = [];
  let keptTo = 0, from = 0;
  while (true) {
    const start = indexFrom(text, opening, from);
    const end = start < 0 ? -1 : indexFrom(text, closing, start + 1);
    if (end < 0) return kept.join("") + text.slice(keptTo);
    if (end - start - 1 < atLeast) {
      from = end;
      continue;
    }
    kept.push(text.slice(keptTo, start));
    keptTo = from = end + 1;
  }
}

function indexFrom(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

/**
 * Splits runs of more than 30 marks, as the Stream-Safe Text Format of UAX #15 does: normalization sorts the marks of
 * a run, and takes minutes for 100,000 of them.
 */
function streamSafe(text: string): string {
  return text.replace(/\p{M}{30}(?=\p{M})/gu, `$&${GRAPHEME_JOINER}`);
}

const GRAPHEME_JOINER = "\u034f";
