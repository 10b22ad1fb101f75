import type { ArrivalProcess } from "../time_series.ts";

/** Most times that are kept: 8 MiB, and as much for those that wait to be sorted. */
const MAX_TIMES = 2 ** 20;
/** Arrivals in a window in which they are counted, on average. */
const PER_WINDOW = 20;
/** Number of windows, and of gaps, below which their spread says too little. */
const LEAST = 10;

/**
 * When the first request of each session left, for the arrival process that was achieved. Of more than 1,048,576 times the
 * earliest are kept, whatever the order in which they are added.
 */
export class ArrivalTimes {
  readonly #max: number;
  #times = new Float64Array(64);
  /** Number of times that are kept. */
  #kept = 0;
  /** Number of times that were added. */
  #n = 0;
  #last = -Infinity;

  /** @param max Most times that are kept. */
  constructor(max = MAX_TIMES) {
    this.#max = max;
  }

  /** Adds a time. */
  add(atMs: number): void {
    this.#n++;
    this.#last = Math.max(this.#last, atMs);
    this.#keep(atMs);
  }

  /** Adds the times of other sessions. */
  merge(other: ArrivalTimes): void {
    this.#n += other.#n;
    this.#last = Math.max(this.#last, other.#last);
    for (const atMs of other.#times.subarray(0, other.#kept)) this.#keep(atMs);
  }

  /** The process. `undefined` for fewer than two arrivals. */
  process(): ArrivalProcess | undefined {
    this.#sort();
    const times = this.#times.subarray(0, Math.min(this.#kept, this.#max));
    const seconds = (this.#last - times[0]!) / 1000;
    if (this.#n < 2 || !(seconds > 0)) return undefined;
    const dispersion = dispersionOf(times);
    const gapCorrelation = gapCorrelationOf(times);
    return {
      n: this.#n,
      ratePerSecond: (this.#n - 1) / seconds,
      ...(dispersion !== undefined && { dispersion }),
      ...(gapCorrelation !== undefined && { gapCorrelation }),
    };
  }

  #keep(atMs: number): void {
    if (this.#kept === this.#times.length) this.#makeRoom();
    this.#times[this.#kept++] = atMs;
  }

  /** Grows up to twice the times that are kept, then drops the latest half. */
  #makeRoom(): void {
    if (this.#kept < 2 * this.#max) {
      const grown = new Float64Array(Math.min(2 * this.#kept, 2 * this.#max));
      grown.set(this.#times);
      this.#times = grown;
      return;
    }
    this.#sort();
    this.#kept = this.#max;
  }

  #sort(): void {
    this.#times.subarray(0, this.#kept).sort();
  }
}

/** Variance ÷ mean of the counts in windows that hold 20 arrivals on average: 1 for a Poisson process, 0 for a constant rate. */
function dispersionOf(times: Float64Array): number | undefined {
  const windows = Math.floor(times.length / PER_WINDOW);
  const first = times[0]!, span = times.at(-1)! - first;
  if (windows < LEAST || span === 0) return undefined;
  const counts = new Float64Array(windows);
  for (const atMs of times) {
    const window = Math.floor(windows * (atMs - first) / span);
    counts[Math.min(windows - 1, window)]!++;
  }
  const mean = times.length / windows;
  let squares = 0;
  for (const count of counts) squares += (count - mean) ** 2;
  return squares / (windows - 1) / mean;
}

/** Correlation of neighbouring gaps: 0 where they are independent. `undefined` if all gaps are equal. */
function gapCorrelationOf(times: Float64Array): number | undefined {
  const n = times.length - 1;
  if (n < LEAST) return undefined;
  const mean = (times[n]! - times[0]!) / n;
  let squares = 0, products = 0, before = 0;
  for (let i = 0; i < n; i++) {
    const from = times[i + 1]! - times[i]! - mean;
    squares += from * from;
    products += from * before;
    before = from;
  }
  return squares > 0 ? products / squares : undefined;
}
