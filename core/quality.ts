import type { NormalizerName } from "./config.ts";
import type { ErrorRate, StageReport } from "./report.ts";
import type { Sample } from "./sample.ts";
import { align, finish, type Slices } from "../lib/alignment.ts";
import { addTo } from "../lib/record.ts";
import { Batches } from "./statistics/batches.ts";
import type { Bounds } from "./statistics/distributions.ts";
import { ratioBounds } from "./statistics/ratio.ts";

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
  /** Errors and units by batches of requests. */
  readonly #batches = new Batches<
    "wordErrors" | "words" | "characterErrors" | "characters"
  >();
  readonly #queue: Texts[] = [];
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
  add({ id, input, output: { text = "" }, outcome }: Sample): void {
    const { reference } = input;
    if (outcome.status !== "ok" || reference === undefined) return;
    const texts = { id, reference, hypothesis: text };
    const isLong = Math.max(reference.length, text.length) > LONG_TEXT;
    if (!isLong) return finish(this.#compare(texts));
    if (this.#waiting > this.#maxWaiting) return;
    this.#queue.push(texts);
    this.#waiting += reference.length + text.length;
  }

  /** Adds the errors of another part of the stage. Texts that wait there are compared first. */
  merge(other: Quality): void {
    finish(other.work());
    this.#wer.merge(other.#wer);
    this.#cer.merge(other.#cer);
    this.#batches.merge(other.#batches);
  }

  /** Whether so many texts wait that `work` must be called now, before new ones are left out. */
  get isPressed(): boolean {
    return this.#waiting > this.#maxWaiting / 10;
  }

  /** Compares the texts that wait, in slices. */
  *work(): Slices<void> {
    while (this.#current || this.#queue.length > 0) {
      this.#current ??= this.#compare(this.#queue[0]!);
      if (this.#current.next().done) {
        const { reference, hypothesis } = this.#queue.shift()!;
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

  /** Confidence intervals of the rates, from batches of requests. */
  intervals(confidence: number): { wer?: Bounds; cer?: Bounds } {
    const bounds = (
      errors: "wordErrors" | "characterErrors",
      units: "words" | "characters",
    ) =>
      ratioBounds({
        y: this.#batches.sums(errors),
        x: this.#batches.sums(units),
      }, confidence);
    const wer = bounds("wordErrors", "words");
    const cer = bounds("characterErrors", "characters");
    return { ...(wer && { wer }), ...(cer && { cer }) };
  }

  *#compare({ id, reference, hypothesis }: Texts): Slices<void> {
    const words = yield* wordErrors(reference, hypothesis, this.#normalize);
    const characters = yield* characterErrors(
      reference,
      hypothesis,
      this.#normalize,
    );
    this.#wer.add(words);
    this.#cer.add(characters);
    if (words.n > 0) {
      this.#batches.add(id, "words", words.n);
      this.#batches.add(id, "wordErrors", words.s + words.d + words.i);
    }
    if (characters.n > 0) {
      const { s, d, i, n } = characters;
      this.#batches.add(id, "characters", n);
      this.#batches.add(id, "characterErrors", s + d + i);
    }
  }
}

/** Two texts of a request that are compared. */
interface Texts {
  readonly id: number;
  readonly reference: string;
  readonly hypothesis: string;
}

/** Characters of a long text: comparing two of this length without anything in common takes 0.1 ms. */
const LONG_TEXT = 500;

/** Characters that may wait to be compared. */
const MAX_WAITING = 50_000_000;

/** Sum of the errors of many texts. Insertions against an empty reference are counted apart: no rate can hold them. */
export class ErrorRateSum {
  readonly #normalizer: NormalizerName;
  readonly #sum = {
    s: 0,
    d: 0,
    i: 0,
    n: 0,
    utterances: 0,
    emptyReferenceInsertions: 0,
  };

  constructor(normalizer: NormalizerName) {
    this.#normalizer = normalizer;
  }

  /** Adds the errors of one text. */
  add(counts: EditCounts): void {
    this.#sum.utterances++;
    addTo(
      this.#sum,
      counts.n > 0 ? counts : { emptyReferenceInsertions: counts.i },
    );
  }

  /** Adds another sum. */
  merge(other: ErrorRateSum): void {
    addTo(this.#sum, other.#sum);
  }

  /** `undefined` when nothing was compared. */
  rate(): ErrorRate | undefined {
    const { s, d, i, n, ...others } = this.#sum;
    if (others.utterances === 0) return undefined;
    return {
      ...(n > 0 && { value: (s + d + i) / n }),
      s,
      d,
      i,
      n,
      normalizer: this.#normalizer,
      ...others,
    };
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
  edits(normalize(reference), normalize(hypothesis), /\S+/gu);

/** Counts character errors: of code points, after `normalize`, without white space. */
export const characterErrors: CountErrors = (
  reference,
  hypothesis,
  normalize,
) => edits(normalize(reference), normalize(hypothesis), /\S/gu);

function* edits(
  reference: string,
  hypothesis: string,
  unit: RegExp,
): Slices<EditCounts> {
  const numbers = new Map<string, number>();
  const known = yield* numbered(reference.matchAll(unit), (text) => {
    if (!numbers.has(text)) numbers.set(text, numbers.size);
    return numbers.get(text)!;
  });
  const said = yield* numbered(
    hypothesis.matchAll(unit),
    (text) => numbers.get(text) ?? -1,
  );
  const [a, b] = withoutSharedEnds(known, said);
  const { errors, substitutions: s } = yield* align(a, b);
  const surplus = a.length - b.length; // d − i, on every way
  const d = (errors - s + surplus) / 2;
  return { s, d, i: d - surplus, n: known.length };
}

/** Units that are numbered in one slice. */
const UNITS_AT_ONCE = 16_384;

/** Replaces each unit by a number, as numbers are compared faster than strings. */
function* numbered(
  units: Iterable<RegExpExecArray>,
  numberOf: (unit: string) => number,
): Slices<Int32Array> {
  const numbers: number[] = [];
  for (const [unit] of units) {
    numbers.push(numberOf(unit));
    if (numbers.length % UNITS_AT_ONCE === 0) yield;
  }
  return Int32Array.from(numbers);
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
 * Removes `<…>` and `[…]`, either closed by `>` or by `]`; then `(…)` around at least one character. An opening bracket
 * that nothing closes matches to the end of the text: the search would otherwise start over at every opening bracket and
 * take minutes for a text of these.
 */
function withoutAsides(text: string): string {
  return text
    .replace(/[<[][^>\]]*([>\]]?)/g, (span, closing) => closing ? "" : span)
    .replace(
      /\([^)]*(\)?)/g,
      (span, closing) => closing && span !== "()" ? "" : span,
    );
}

/**
 * Splits runs of more than 30 marks, as the Stream-Safe Text Format of UAX #15 does: normalization sorts the marks of
 * a run, and takes minutes for 100,000 of them.
 */
function streamSafe(text: string): string {
  return text.replace(/\p{M}{30}(?=\p{M})/gu, `$&${GRAPHEME_JOINER}`);
}

const GRAPHEME_JOINER = "\u034f";
