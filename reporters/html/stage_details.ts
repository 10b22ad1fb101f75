import {
  clientMetrics,
  CompactHistogram,
  metrics,
  type Sample,
} from "../../plugins/mod.ts";
import { Lowest } from "./lowest.ts";
import { type RequestDetails, requestDetails } from "./request_details.ts";

/** Counts of a metric's values between edges, in ascending order. Buckets without values are left out. */
export interface HistogramDetails {
  /** Lower edges. */
  readonly from: readonly number[];
  /** Upper edges. */
  readonly to: readonly number[];
  /** Number of values in each. */
  readonly counts: readonly number[];
}

/** Requests and distributions of one stage, bounded. */
export interface StageDetails {
  /** Distributions of the measured requests, by the name of the metric. */
  readonly histograms: Readonly<Record<string, HistogramDetails>>;
  /** Requests in the order of their ids. {@linkcode LIMITS} says which. */
  readonly requests: readonly RequestDetails[];
}

/** Numbers of requests that are kept of each stage. */
export const LIMITS = {
  /** With the lowest ids. */
  first: 300,
  /** Failed ones with the lowest ids. */
  failed: 100,
  /** Failed ones of each class. */
  ofClass: 5,
  /** With the highest values of each of {@linkcode SLOWEST}. */
  slowest: 10,
  /** Chosen by a hash of the id. */
  sampled: 300,
} as const;

/** Metrics whose highest values are always kept. */
export const SLOWEST = ["ttft", "latency", "finalization"] as const;

/** Classes of failures that are distinguished; there are about thirty. */
const MAX_CLASSES = 100;

/** Buckets to a power of two in the page: neighbouring edges differ by 6 % at most. */
const PER_POWER_OF_TWO = 16;

/** Collects the details of one stage. Its memory is bounded; the same samples give the same details in any order. */
export class StageCollector {
  readonly #histograms = new Map<string, CompactHistogram>();
  readonly #first = new Lowest<RequestDetails>(LIMITS.first);
  readonly #failed = new Lowest<RequestDetails>(LIMITS.failed);
  readonly #byClass = new Map<string, Lowest<RequestDetails>>();
  readonly #slowest = SLOWEST.map((name) => ({
    metric: metrics.find((metric) => metric.name === name)!,
    kept: new Lowest<RequestDetails>(LIMITS.slowest),
  }));
  readonly #sampled = new Lowest<RequestDetails>(LIMITS.sampled);

  /** Adds a sample, which is not kept. */
  add(sample: Sample): void {
    const { id, phase, outcome } = sample;
    const make = () => requestDetails(sample);
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
  }

  /** The details so far. */
  details(): StageDetails {
    const requests = new Map<number, RequestDetails>();
    const kept = [
      this.#first,
      this.#failed,
      ...this.#byClass.values(),
      ...this.#slowest.map(({ kept }) => kept),
      this.#sampled,
    ];
    for (const each of kept.flatMap((lowest) => lowest.items())) {
      requests.set(each.id, each);
    }
    return {
      histograms: Object.fromEntries(
        [...this.#histograms].map((
          [name, histogram],
        ) => [name, histogramDetails(histogram)]),
      ),
      requests: [...requests.values()].sort((a, b) => a.id - b.id),
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
