import type { ErrorRate, StageReport } from "../report.ts";
import type { Sample } from "../sample.ts";
import { type NormalizerName, normalizers } from "./normalize.ts";
import { characterErrors, type EditCounts, wordErrors } from "./wer.ts";

/** Gathers word and character errors. */
export interface Quality {
  /** Samples that did not end `ok`, or have no reference, are passed over. */
  add(sample: Sample): void;
  /** What stands so far: each absent where nothing was compared. */
  result(): StageReport["quality"];
}

/**
 * Word and character error rate of a stage, pooled over its samples: Σ(s + d + i) ÷ Σ n. An empty answer to a
 * reference is all deletions. Long texts take a while to compare, so they wait until the result is asked for.
 */
export function quality(normalizer: NormalizerName): Quality {
  const wer = errorRate(wordErrors, normalizer);
  const cer = errorRate(characterErrors, normalizer);
  const waiting: (readonly [reference: string, hypothesis: string])[] = [];

  function compare(reference: string, hypothesis: string): void {
    wer.add(reference, hypothesis);
    cer.add(reference, hypothesis);
  }

  return {
    add({ input: { reference }, output: { text = "" }, outcome }) {
      if (outcome.status !== "ok" || reference === undefined) return;
      const isLong = Math.max(reference.length, text.length) > LONG_TEXT;
      if (isLong) waiting.push([reference, text]);
      else compare(reference, text);
    },
    result() {
      for (const texts of waiting.splice(0)) compare(...texts);
      const [word, character] = [wer.rate(), cer.rate()];
      return {
        ...(word && { wer: word }),
        ...(character && { cer: character }),
      };
    },
  };
}

/** Characters: comparing two texts of this length that have nothing in common takes a millisecond or two. */
const LONG_TEXT = 500;

/** Pools the errors of one kind. */
export interface ErrorRateSum {
  add(reference: string, hypothesis: string): void;
  /** `undefined` when nothing was compared. */
  rate(): ErrorRate | undefined;
}

/**
 * Sums `errors` of many texts, {@linkcode wordErrors} or {@linkcode characterErrors}. No rate can hold what is said
 * where the reference is empty: these insertions are counted apart.
 */
export function errorRate(
  errors: typeof wordErrors,
  normalizer: NormalizerName,
): ErrorRateSum {
  const sum = { s: 0, d: 0, i: 0, n: 0 };
  let utterances = 0, emptyReferenceInsertions = 0;

  function include({ s, d, i, n }: EditCounts): void {
    utterances++;
    sum.s += s;
    sum.d += d;
    sum.n += n;
    if (n > 0) sum.i += i;
    else emptyReferenceInsertions += i;
  }

  return {
    add: (reference, hypothesis) =>
      include(errors(reference, hypothesis, normalizers[normalizer])),
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
