import { metrics } from "../metrics/table.ts";
import type { Sample } from "../sample.ts";
import { isGrowing, isSteady, trendOf } from "../statistics/trend.ts";

/** Periods of a series, before pairs of them are joined. */
const MAX_PERIODS = 40;

/** Means of values over periods of equal length, which grows with the time that they cover. */
export class PeriodMeans {
  readonly #startMs: number;
  #periodMs: number;
  #sums: number[] = [];
  #counts: number[] = [];

  constructor(startMs: number, periodMs: number) {
    this.#startMs = startMs;
    this.#periodMs = periodMs;
  }

  /** Adds a value. */
  add(atMs: number, value: number): void {
    const ms = atMs - this.#startMs;
    if (ms < 0) return;
    while (ms >= MAX_PERIODS * this.#periodMs) this.#joinPairs();
    const i = Math.floor(ms / this.#periodMs);
    this.#sums[i] = (this.#sums[i] ?? 0) + value;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
  }

  /** Number of periods that are over. */
  complete(nowMs: number): number {
    return Math.floor((nowMs - this.#startMs) / this.#periodMs);
  }

  /** Means of the periods that are over; `undefined` where there was no value. */
  means(nowMs: number): (number | undefined)[] {
    const { length } = this.#sums;
    return Array.from({ length: Math.min(length, this.complete(nowMs)) }, (
      _,
      i,
    ) => this.#counts[i] ? this.#sums[i]! / this.#counts[i] : undefined);
  }

  #joinPairs(): void {
    this.#sums = pairSums(this.#sums);
    this.#counts = pairSums(this.#counts);
    this.#periodMs *= 2;
  }
}

function pairSums(values: readonly number[]): number[] {
  return Array.from(
    { length: Math.ceil(values.length / 2) },
    (_, i) => (values[2 * i] ?? 0) + (values[2 * i + 1] ?? 0),
  );
}

/** Metrics of the delay that a server adds, the first that a request has: the TTFT of paced speech is that of its audio. */
const DELAYS = ["finalization", "ttft", "latency"].map((name) =>
  metrics.find((metric) => metric.name === name)!
);

/** Requests in flight and their delay, period by period. */
class LoadSeries {
  readonly inFlight: PeriodMeans;
  readonly delay: PeriodMeans;
  /** Name of the delay, from the first request that has one. */
  metric: string | undefined;
  /** Requests that ended. */
  ended = 0;

  constructor(startMs: number, periodMs: number) {
    this.inFlight = new PeriodMeans(startMs, periodMs);
    this.delay = new PeriodMeans(startMs, periodMs);
  }

  /** Adds a request that has ended. */
  add(sample: Sample): void {
    this.ended++;
    if (sample.outcome.status !== "ok") return;
    for (const { name, of } of DELAYS) {
      if (this.metric !== undefined && name !== this.metric) continue;
      const value = of(sample);
      if (typeof value !== "number") continue;
      this.metric = name;
      return this.delay.add(sample.endedMs, value);
    }
  }
}

/** A series that grew, with the means of its first and of its last third. */
export interface Growth {
  readonly metric: string;
  readonly from: number;
  readonly to: number;
}

/** First length of a period. */
const SATURATION_PERIOD_MS = 1000;
/** Periods before the first look. */
const MIN_PERIODS = 30;
/** Looks in a row that must find growth, one at the end of each period. */
const LOOKS = 10;
/** Growth of the requests in flight that matters, and growth of the delay, in milliseconds. */
const MIN_GROWTH = { inFlight: 3, delay: 200 };

/** Requests that must have ended before a stage can have filled. */
const MIN_ENDED = 10;
/** A stage of such an age has filled in any case. */
const MAX_FILL_MS = 120_000;

/**
 * Looks whether a queue grows steadily over a measured window: the requests in flight, or their delay (finalization of
 * paced speech, TTFT of a stream, otherwise latency). The rule: at ten looks in a row the series {@linkcode isGrowing}.
 * There is a look at the end of each period, from 30 periods on. Periods last a second; whenever there are 40, each two
 * become one.
 *
 * The series begin with the window. Requests in flight and latency begin once the stage has filled, as both rise until
 * the first requests have ended: when it is twice as old as its longest request took, or two minutes.
 *
 * Simulated over ten minutes, a queue of eight servers is found after 39 s at 1.2 times their capacity, and called
 * growing in 3 of 100 runs at 90 % of it, and in none at 80 %.
 */
export class SaturationWatch {
  readonly #stageStartMs: number;
  #window: LoadSeries | undefined;
  #filled: LoadSeries | undefined;
  readonly #inFlight = new GrowthWatch(MIN_GROWTH.inFlight);
  readonly #delay = new GrowthWatch(MIN_GROWTH.delay);
  #ended = 0;
  #longestMs = 0;

  constructor(stageStartMs: number) {
    this.#stageStartMs = stageStartMs;
  }

  /** Begins to look: measuring begins. */
  begin(atMs: number): void {
    this.#window = new LoadSeries(atMs, SATURATION_PERIOD_MS);
  }

  /** Adds a request that has ended. */
  add(sample: Sample): void {
    const { dispatchedMs, endedMs } = sample;
    this.#ended++;
    this.#longestMs = Math.max(this.#longestMs, endedMs - dispatchedMs);
    this.#window?.add(sample);
    this.#filled?.add(sample);
  }

  /** Adds the number of requests in flight and looks again. Returns what grows. */
  look(nowMs: number, inFlight: number): Growth | undefined {
    if (!this.#window) return undefined;
    if (!this.#filled && this.#hasFilled(nowMs)) {
      this.#filled = new LoadSeries(nowMs, SATURATION_PERIOD_MS);
    }
    this.#filled?.inFlight.add(nowMs, inFlight);
    const { metric = "latency" } = this.#window;
    const delays = metric === "latency" ? this.#filled : this.#window;
    const queue = this.#inFlight.look(this.#filled?.inFlight, nowMs);
    if (queue) return { metric: "inFlight", ...queue };
    const delay = this.#delay.look(delays?.delay, nowMs);
    return delay && { metric, ...delay };
  }

  #hasFilled(nowMs: number): boolean {
    const ageMs = nowMs - this.#stageStartMs;
    return ageMs >= MAX_FILL_MS ||
      (this.#ended >= MIN_ENDED && ageMs >= 2 * this.#longestMs);
  }
}

/** Looks at a series at the end of each of its periods. */
class GrowthWatch {
  readonly #atLeast: number;
  /** Number of periods at the last look. */
  #looked = 0;
  /** Looks in a row that found growth. */
  #found = 0;

  constructor(atLeast: number) {
    this.#atLeast = atLeast;
  }

  /** Returns from what to what the series grows, if it does steadily. */
  look(
    series: PeriodMeans | undefined,
    nowMs: number,
  ): Omit<Growth, "metric"> | undefined {
    const periods = series?.complete(nowMs) ?? 0;
    // Pairs of periods may have been joined since.
    if (!series || periods < MIN_PERIODS || periods === this.#looked) return;
    this.#looked = periods;
    const means = series.means(nowMs);
    this.#found = isGrowing(means, this.#atLeast) ? this.#found + 1 : 0;
    if (this.#found < LOOKS) return undefined;
    const { first, last } = trendOf(means)!;
    return { from: first, to: last };
  }
}

/** First length of a period. */
const STEADY_PERIOD_MS = 250;
/**
 * Looks whether the load of a stage is steady. The rule: over the second half of the time so far, both the requests in
 * flight and their delay are steady ({@linkcode isSteady}), and as many requests have ended as are in flight, at least
 * ten.
 */
export class SteadyWatch {
  readonly #series: LoadSeries;

  constructor(startMs: number) {
    this.#series = new LoadSeries(startMs, STEADY_PERIOD_MS);
  }

  /** Adds a request that has ended. */
  add(sample: Sample): void {
    this.#series.add(sample);
  }

  /** Adds the number of requests in flight and returns whether the load is steady. */
  look(nowMs: number, inFlight: number): boolean {
    const { ended, inFlight: queue, delay } = this.#series;
    queue.add(nowMs, inFlight);
    if (ended < Math.max(MIN_ENDED, inFlight)) return false;
    return [queue, delay].every((each) => {
      const means = each.means(nowMs);
      return isSteady(means.slice(means.length >> 1));
    });
  }
}
