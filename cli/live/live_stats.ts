import { FailureCounts } from "../../core/failures.ts";
import { countedTokens } from "../../core/metrics/rates.ts";
import {
  type Metric,
  metrics,
  shareMetrics,
} from "../../core/metrics/table.ts";
import type { FailureNote, Progress } from "../../core/report.ts";
import type { Sample } from "../../core/sample.ts";
import { CompactHistogram } from "../../core/statistics/histogram.ts";
import { type Distribution, distributionOf } from "./distribution.ts";

/** Options of {@linkcode LiveStats}. */
export interface LiveStatsOptions {
  /** Length of the last seconds that are summed. @default {10000} */
  readonly spanMs?: number;
  /** Length of a slice: the span ends within one. @default {2000} */
  readonly sliceMs?: number;
}

/** Values of one metric in the last seconds. */
export interface RecentMetric {
  readonly metric: Metric;
  readonly values: Distribution;
}

/** State of the running stage, and what happened in the last seconds. */
export interface LiveState {
  /** The last state that the engine reported. */
  readonly snapshot: Progress;
  /** Time that the values of the last seconds cover: less at the beginning of a stage. */
  readonly spanMs: number;
  /** Metrics that have values, of requests that ended `ok` in the last seconds. */
  readonly recent: readonly RecentMetric[];
  /** Output tokens of the requests that ended in the last seconds, a second. Absent if there were no tokens. */
  readonly outputTokensPerSecond?: number;
  /** The client's share in the last seconds. Absent where nothing watched the client. */
  readonly clientShare?: RecentShare;
  /** Failures of the stage by class and code, most frequent first. */
  readonly failures: readonly FailureNote[];
  /** Number of failures of the last seconds by class. */
  readonly recentFailures: ReadonlyMap<string, number>;
  /** Part of the stage that is done, 0 to 1. Absent where its end is not known. */
  readonly done?: number;
}

/** The client's share of a metric in the last seconds. */
export interface RecentShare {
  /** Number of requests. */
  readonly n: number;
  /** The metric: TTFT, or the latency of requests without a TTFT. */
  readonly of: Metric;
  /** 95 % of the bounds are at most this, in milliseconds. */
  readonly p95: number;
  /** The same ÷ the metric's p95. */
  readonly share?: number;
}

/** The metrics that are summed, in the order in which they are shown. */
const SHOWN_METRICS = ["ttft", "itl", "latency", "finalization"]
  .flatMap((shown) => metrics.filter(({ name }) => name === shown));
const SHARES = shareMetrics.filter(({ name }) =>
  name === "ttftShare" || name === "latencyShare"
);

/** Classes of failures that are counted in a slice. */
const MAX_CLASSES = 100;

/** Requests that ended in a part of the last seconds. */
interface Slice {
  /** End of requests ÷ length of a slice, rounded down. */
  readonly number: number;
  /** Values by the place of their metric. */
  readonly values: readonly CompactHistogram[];
  readonly shares: readonly CompactHistogram[];
  /** Number of failures by class. */
  readonly failures: Map<string, number>;
  tokens: number;
}

/**
 * Statistics of the last seconds of the running stage, in memory that does not grow: slices, the oldest replaced by the
 * newest. A request counts in the slice in which it ended.
 */
export class LiveStats {
  readonly #sliceMs: number;
  /** Each at its number modulo their count. */
  readonly #slices: (Slice | undefined)[];
  #stage = -1;
  #startMs = Infinity;
  #newest = -1;
  #failures = new FailureCounts();
  #snapshot: Progress | undefined;
  /** Largest remaining time and number of requests that the stage had. */
  #most = { ms: 0, requests: 0 };

  constructor({ spanMs = 10_000, sliceMs = 2000 }: LiveStatsOptions = {}) {
    this.#sliceMs = sliceMs;
    const count = Math.max(1, Math.round(spanMs / sliceMs));
    this.#slices = Array.from({ length: count }, () => undefined);
  }

  /** Adds samples that have ended. */
  samples(batch: readonly Sample[]): void {
    for (const sample of batch) this.#add(sample);
  }

  /** Takes the state of the running stage. */
  progress(snapshot: Progress): void {
    if (snapshot.stage > this.#stage) this.#begin(snapshot.stage);
    const { atMs, remainingMs = 0, remainingRequests = 0 } = snapshot;
    this.#snapshot = snapshot;
    this.#startMs = Math.min(this.#startMs, atMs);
    this.#newest = Math.max(this.#newest, Math.floor(atMs / this.#sliceMs));
    this.#most.ms = Math.max(this.#most.ms, remainingMs);
    this.#most.requests = Math.max(this.#most.requests, remainingRequests);
  }

  /** The state now. `undefined` before the first one of the engine. */
  state(): LiveState | undefined {
    const snapshot = this.#snapshot;
    if (!snapshot) return undefined;
    const recent = emptySlice(0);
    const oldest = this.#newest - this.#slices.length + 1;
    for (const slice of this.#slices) {
      if (slice && slice.number >= oldest) mergeSlice(recent, slice);
    }
    const fromMs = Math.max(this.#startMs, oldest * this.#sliceMs);
    const spanMs = Math.max(0, snapshot.atMs - fromMs);
    const clientShare = shareOf(recent);
    const done = this.#done(snapshot);
    return {
      snapshot,
      spanMs,
      recent: SHOWN_METRICS.flatMap((metric, i) => {
        const values = recent.values[i]!;
        return values.n > 0 ? [{ metric, values: distributionOf(values) }] : [];
      }),
      ...(recent.tokens > 0 && spanMs > 0 && {
        outputTokensPerSecond: 1000 * recent.tokens / spanMs,
      }),
      ...(clientShare && { clientShare }),
      failures: this.#failures.listed(),
      recentFailures: recent.failures,
      ...(done !== undefined && { done }),
    };
  }

  #begin(stage: number): void {
    this.#stage = stage;
    this.#startMs = Infinity;
    this.#slices.fill(undefined);
    this.#failures = new FailureCounts();
    this.#most = { ms: 0, requests: 0 };
  }

  #add(sample: Sample): void {
    if (sample.stage < this.#stage) return;
    if (sample.stage > this.#stage) this.#begin(sample.stage);
    this.#startMs = Math.min(this.#startMs, sample.dispatchedMs);
    const { outcome } = sample;
    if (outcome.status !== "ok") {
      this.#failures.add(sample.id, outcome.failure);
    }
    const slice = this.#slice(sample.endedMs);
    if (!slice) return;
    slice.tokens += countedTokens(sample) ?? 0;
    if (outcome.status !== "ok") {
      count(slice.failures, outcome.failure.class, 1);
      return;
    }
    addValues(slice.values, SHOWN_METRICS, sample);
    addValues(slice.shares, SHARES, sample);
  }

  /** The slice of a time, if it is not too old. */
  #slice(atMs: number): Slice | undefined {
    const number = Math.floor(atMs / this.#sliceMs);
    const count = this.#slices.length;
    if (!(number > this.#newest - count && number < Infinity)) return undefined;
    this.#newest = Math.max(this.#newest, number);
    const found = this.#slices[number % count];
    if (found?.number === number) return found;
    return this.#slices[number % count] = emptySlice(number);
  }

  /** Part of the stage that is done: of time and number of requests the larger, as the first to end ends the stage. */
  #done(snapshot: Progress): number | undefined {
    const { remainingMs, remainingRequests, inFlight } = snapshot;
    const { ms, requests } = this.#most;
    const parts = [
      ...(remainingMs !== undefined && ms > 0 ? [1 - remainingMs / ms] : []),
      ...(remainingRequests !== undefined && requests > 0
        ? [1 - (remainingRequests + inFlight) / requests]
        : []),
    ];
    return parts.length > 0 ? Math.max(0, ...parts) : undefined;
  }
}

function emptySlice(number: number): Slice {
  return {
    number,
    values: SHOWN_METRICS.map(() => new CompactHistogram()),
    shares: SHARES.map(() => new CompactHistogram()),
    failures: new Map(),
    tokens: 0,
  };
}

function mergeSlice(into: Slice, from: Slice): void {
  into.values.forEach((values, i) => values.merge(from.values[i]!));
  into.shares.forEach((values, i) => values.merge(from.shares[i]!));
  for (const [name, n] of from.failures) count(into.failures, name, n);
  into.tokens += from.tokens;
}

/** Counts a failure; of very many classes only the first ones. */
function count(failures: Map<string, number>, name: string, more: number) {
  const known = failures.get(name);
  if (known === undefined && failures.size >= MAX_CLASSES) return;
  failures.set(name, (known ?? 0) + more);
}

function addValues(
  histograms: readonly CompactHistogram[],
  table: readonly Metric[],
  sample: Sample,
): void {
  for (let i = 0; i < table.length; i++) {
    const value = table[i]!.of(sample);
    if (value === undefined) continue;
    const histogram = histograms[i]!;
    if (typeof value === "number") histogram.add(value);
    else for (const each of value) histogram.add(each);
  }
}

/** The share of the first metric that has one. */
function shareOf({ values, shares }: Slice): RecentShare | undefined {
  const place = shares.findIndex(({ n }) => n > 0);
  const p95 = shares[place]?.quantile(0.95);
  if (p95 === undefined) return undefined;
  const { whole: of } = SHARES[place]!;
  const wholeMs = values[SHOWN_METRICS.indexOf(of)]!.quantile(0.95);
  return {
    of,
    n: shares[place]!.n,
    p95,
    ...(wholeMs && { share: p95 / wholeMs }),
  };
}
