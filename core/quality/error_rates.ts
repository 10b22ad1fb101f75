import type { ErrorRate, StageReport } from "../report.ts";
import type { Sample } from "../sample.ts";
import { type NormalizerName, normalizers } from "./normalize.ts";
import { finish, type Slices } from "../../lib/alignment.ts";
import { characterErrors, type EditCounts, wordErrors } from "./wer.ts";

/**
 * Word and character error rate of a stage, pooled over its samples: Σ(s + d + i) ÷ Σ n. An empty answer to a
 * reference is all deletions. Long texts take a while to compare, so they wait for `work`; when too many wait, those
 * that come are left out.
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

  /** Adds a sample. One that did not end `ok`, or has no reference, is passed over. */
  add({ input: { reference }, output: { text = "" }, outcome }: Sample): void {
    if (outcome.status !== "ok" || reference === undefined) return;
    const isLong = Math.max(reference.length, text.length) > LONG_TEXT;
    if (!isLong) return finish(this.#compare(reference, text));
    if (this.#waiting > this.#maxWaiting) return;
    this.#queue.push([reference, text]);
    this.#waiting += reference.length + text.length;
  }

  /** Adds the errors of another stage part. Texts that still wait in it are compared first. */
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

/** Sum of the errors of many texts. No rate can hold insertions where the reference is empty: they are counted apart. */
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
