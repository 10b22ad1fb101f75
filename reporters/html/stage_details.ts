import {
  clientMetrics,
  CompactHistogram,
  metrics,
  type NormalizerName,
  normalizers,
  type Sample,
} from "../../plugins/mod.ts";
import { Lowest } from "./lowest.ts";
import { type RequestDetails, requestDetails } from "./request_details.ts";
import { shownText } from "./shown_text.ts";
import {
  countErrors,
  MAX_WORDS,
  type WordDifference,
  wordDifferences,
} from "./word_differences.ts";

/** Counts of a metric's values between edges, in ascending order. Buckets without values are left out. */
export interface HistogramDetails {
  /** Lower edges. */
  readonly from: readonly number[];
  /** Upper edges. */
  readonly to: readonly number[];
  /** Number of values in each. */
  readonly counts: readonly number[];
}

/** An utterance with word errors. */
export interface UtteranceDetails {
  /** Id of its request. */
  readonly id: number;
  /** Id of its audio, or else of its session. */
  readonly audio: string;
  /** Its words, normalized; the first ones of a long utterance. */
  readonly words: readonly WordDifference[];
}

/** Requests and distributions of one stage, bounded. */
export interface StageDetails {
  /** Distributions of the measured requests, by the name of the metric. */
  readonly histograms: Readonly<Record<string, HistogramDetails>>;
  /** Requests in the order of their ids. {@linkcode RequestLimits} says which. */
  readonly requests: readonly RequestDetails[];
  /** Ids of the requests that show all of the stage: those chosen by a hash, and the slowest. */
  readonly spread: readonly number[];
  /** Utterances with the most word errors, worst first. */
  readonly utterances: readonly UtteranceDetails[];
}

/** Numbers of requests that are kept of each stage. A request may be kept for several reasons. */
export interface RequestLimits {
  /** The first ones. */
  readonly first: number;
  /** The first failed ones. */
  readonly failed: number;
  /** The first failed ones of each class. */
  readonly ofClass: number;
  /** Those with the highest values of each of {@linkcode SLOWEST}. */
  readonly slowest: number;
  /** Those chosen by a hash of their id, of the measured ones that ended `ok`. */
  readonly sampled: number;
  /** Utterances with the most word errors. */
  readonly utterances: number;
}

/** Numbers of requests that are kept, unless the page would be too large. */
export const LIMITS: RequestLimits = {
  first: 300,
  failed: 100,
  ofClass: 5,
  slowest: 10,
  sampled: 300,
  utterances: 20,
};

/** Metrics whose highest values are always kept. */
const SLOWEST = ["ttft", "latency", "finalization"];

/** Classes of failures that are distinguished; there are about thirty. */
const MAX_CLASSES = 100;

/** Buckets to a power of two in the page: neighbouring edges differ by 6 % at most. */
const PER_POWER_OF_TWO = 16;

/** Characters of a word that the page shows. */
const LONGEST_WORD = 60;

/** Collects the details of one stage. Its memory is bounded; the same samples give the same details in any order. */
export class StageCollector {
  readonly #normalize: (text: string) => string;
  readonly #histograms = new Map<string, CompactHistogram>();
  readonly #first = new Lowest<RequestDetails>(LIMITS.first);
  readonly #failed = new Lowest<RequestDetails>(LIMITS.failed);
  readonly #byClass = new Map<string, Lowest<RequestDetails>>();
  readonly #slowest = SLOWEST.map((name) => ({
    metric: metrics.find((metric) => metric.name === name)!,
    kept: new Lowest<RequestDetails>(LIMITS.slowest),
  }));
  readonly #sampled = new Lowest<RequestDetails>(LIMITS.sampled);
  readonly #utterances = new Lowest<UtteranceDetails>(LIMITS.utterances);

  constructor(normalizer: NormalizerName) {
    this.#normalize = normalizers[normalizer];
  }

  /** Adds a sample, which is not kept. */
  add(sample: Sample): void {
    const { id, phase, outcome } = sample;
    let details: RequestDetails | undefined;
    const make = () => details ??= requestDetails(sample);
    this.#first.add(id, id, make);
    if (outcome.status !== "ok") {
      this.#failed.add(id, id, make);
      this.#ofClass(outcome.failure.class)?.add(id, id, make);
    }
    if (phase !== "measure") return;
    for (const metric of clientMetrics) this.#count(metric, sample);
    if (outcome.status !== "ok") return;
    for (const metric of metrics) this.#count(metric, sample);
    for (const { metric, kept } of this.#slowest) {
      const value = metric.of(sample);
      if (typeof value === "number") kept.add(-value, id, make);
    }
    this.#sampled.add(hash(id), id, make);
    this.#compare(sample);
  }

  /** The details so far, with at most so many requests. */
  details(limits: RequestLimits = LIMITS): StageDetails {
    const spread = [
      ...this.#slowest.flatMap(({ kept }) => kept.items(limits.slowest)),
      ...this.#sampled.items(limits.sampled),
    ];
    const kept = [
      ...this.#first.items(limits.first),
      ...this.#failed.items(limits.failed),
      ...[...this.#byClass.values()].flatMap((each) =>
        each.items(limits.ofClass)
      ),
      ...spread,
    ];
    const requests = new Map(kept.map((each) => [each.id, each]));
    return {
      histograms: Object.fromEntries(
        [...this.#histograms].map(([name, histogram]) => [
          name,
          histogramDetails(histogram),
        ]),
      ),
      requests: [...requests.values()].sort((a, b) => a.id - b.id),
      spread: [...new Set(spread.map(({ id }) => id))],
      utterances: this.#utterances.items(limits.utterances),
    };
  }

  #ofClass(name: string): Lowest<RequestDetails> | undefined {
    let kept = this.#byClass.get(name);
    if (!kept && this.#byClass.size < MAX_CLASSES) {
      kept = new Lowest(LIMITS.ofClass);
      this.#byClass.set(name, kept);
    }
    return kept;
  }

  #count({ name, of }: typeof metrics[number], sample: Sample): void {
    const value = of(sample);
    if (value === undefined) return;
    let histogram = this.#histograms.get(name);
    if (!histogram) {
      histogram = new CompactHistogram();
      this.#histograms.set(name, histogram);
    }
    if (typeof value === "number") histogram.add(value);
    else for (const each of value) histogram.add(each);
  }

  /** Compares the words of an utterance, if they are not all right. */
  #compare({ id, session, input, output }: Sample): void {
    const { audioMs, audioId, reference } = input;
    if (audioMs === undefined || reference === undefined) return;
    const expected = this.#normalize(reference);
    const given = this.#normalize(output.text ?? "");
    if (expected === given) return;
    const words = wordDifferences(wordsOf(expected), wordsOf(given));
    const errors = countErrors(words);
    if (errors === 0) return;
    this.#utterances.add(-errors, id, () => ({
      id,
      audio: shownText(audioId ?? session.id),
      words,
    }));
  }
}

/** The words that are compared. */
function wordsOf(text: string): string[] {
  return text.matchAll(/\S+/gu).take(MAX_WORDS)
    .map(([word]) => shownText(word, LONGEST_WORD)).toArray();
}

function histogramDetails(histogram: CompactHistogram): HistogramDetails {
  const ranges = [...histogram.ranges(PER_POWER_OF_TWO)];
  return {
    from: ranges.map(({ from }) => from),
    to: ranges.map(({ to }) => to),
    counts: ranges.map(({ count }) => count),
  };
}

/** An integer that looks random, of an id: the finalizer of MurmurHash3. */
function hash(id: number): number {
  let x = id | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
