import type { ErrorRate, StageReport } from "../report.ts";
import type { Sample } from "../sample.ts";
import { type NormalizerName, normalizers } from "./normalize.ts";
import { finish, type Slices } from "../../lib/alignment.ts";
import { characterErrors, type EditCounts, wordErrors } from "./wer.ts";

/** Gathers word and character errors. */
export interface Quality {
  /** Samples that did not end `ok`, or have no reference, are passed over. */
  add(sample: Sample): void;
  /** Whether so many texts wait to be compared that `work` must go on now. */
  readonly isPressed: boolean;
  /** Compares the texts that wait, in slices. */
  work(): Slices<void>;
  /** Forgets the texts that wait: they are not in the result. */
  giveUp(): void;
  /** The errors of all texts, compared now where they still wait: each absent where nothing was compared. */
  result(): StageReport["quality"];
}

/**
 * Word and character error rate of a stage, pooled over its samples: Σ(s + d + i) ÷ Σ n. An empty answer to a
 * reference is all deletions. Long texts take a while to compare, so they wait for `work`; when there are too many
 * of them to be kept, those that come are left out.
 */
export function quality(
  normalizer: NormalizerName,
  { maxWaiting = MAX_WAITING }: { maxWaiting?: number } = {},
): Quality {
  const normalize = normalizers[normalizer];
  const wer = errorRate(normalizer);
  const cer = errorRate(normalizer);
  const queue: (readonly [reference: string, hypothesis: string])[] = [];
  /** Characters in the queue. */
  let waiting = 0;
  /** The comparison that has begun: a slice goes on where the last one ended, whoever asks for it. */
  let current: Slices<void> | undefined;

  function* compare(reference: string, hypothesis: string): Slices<void> {
    const words = yield* wordErrors(reference, hypothesis, normalize);
    const characters = yield* characterErrors(reference, hypothesis, normalize);
    wer.add(words);
    cer.add(characters);
  }

  function* work(): Slices<void> {
    while (current || queue.length > 0) {
      current ??= compare(...queue[0]!);
      if (current.next().done) {
        const [reference, hypothesis] = queue.shift()!;
        waiting -= reference.length + hypothesis.length;
        current = undefined;
      }
      yield;
    }
  }

  return {
    add({ input: { reference }, output: { text = "" }, outcome }) {
      if (outcome.status !== "ok" || reference === undefined) return;
      const isLong = Math.max(reference.length, text.length) > LONG_TEXT;
      if (!isLong) return finish(compare(reference, text));
      if (waiting > maxWaiting) return;
      queue.push([reference, text]);
      waiting += reference.length + text.length;
    },
    get isPressed() {
      return waiting > maxWaiting / 10;
    },
    work,
    giveUp() {
      queue.length = 0;
      waiting = 0;
      current = undefined;
    },
    result() {
      finish(work());
      const [word, character] = [wer.rate(), cer.rate()];
      return {
        ...(word && { wer: word }),
        ...(character && { cer: character }),
      };
    },
  };
}

/** Characters: comparing two texts of this length that have nothing in common takes a tenth of a millisecond. */
const LONG_TEXT = 500;

/** Characters that may wait to be compared. */
const MAX_WAITING = 50_000_000;

/** Pools the errors of one kind. */
export interface ErrorRateSum {
  add(errors: EditCounts): void;
  /** `undefined` when nothing was compared. */
  rate(): ErrorRate | undefined;
}

/** Sums errors of many texts. No rate can hold insertions where the reference is empty: they are counted apart. */
export function errorRate(normalizer: NormalizerName): ErrorRateSum {
  const sum = { s: 0, d: 0, i: 0, n: 0 };
  let utterances = 0, emptyReferenceInsertions = 0;
  return {
    add({ s, d, i, n }) {
      utterances++;
      sum.s += s;
      sum.d += d;
      sum.n += n;
      if (n > 0) sum.i += i;
      else emptyReferenceInsertions += i;
    },
    rate() {
      if (utterances === 0) return undefined;
      const { s, d, i, n } = sum;
      return {
        ...(n > 0 && { value: (s + d + i) / n }),
        ...sum,
        normalizer,
        utterances,
        emptyReferenceInsertions,
      };
    },
  };
}
