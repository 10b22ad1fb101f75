/** Quantiles of the requests that ended in each interval of a series; `null` where none has a value. */
export interface SeriesQuantiles {
  /** Medians. */
  readonly p50: readonly (number | null)[];
  /** 95 % of the values of an interval are at most this. */
  readonly p95: readonly (number | null)[];
}

/**
 * Events and metrics over the time of a stage, warm-up and drain included, in intervals of equal length: a list for each
 * quantity, with a number for each interval, rounded to four digits. Each is absent where it does not apply. The last
 * interval may begin before the end of the stage and end after it.
 */
export interface Series {
  /** Start of the first interval, on the run's clock. */
  readonly startMs: number;
  /** Length of each interval: a second, or more in a stage of more than a thousand seconds. */
  readonly widthMs: number;
  /** Requests that ended `ok` ÷ length. */
  readonly requestsPerSecond: readonly number[];
  /** Requests that failed or timed out. */
  readonly errors: readonly number[];
  /** Mean number of requests in flight. */
  readonly inFlight: readonly number[];
  /** Output tokens that were read ÷ length. */
  readonly outputTokensPerSecond?: readonly number[];
  /** TTFT of the requests that ended in the interval, in milliseconds. */
  readonly ttft?: SeriesQuantiles;
  /** ITL of these requests. */
  readonly itl?: SeriesQuantiles;
  /** E2E latency of these requests. */
  readonly latency?: SeriesQuantiles;
  /** Finalization of these requests. */
  readonly finalization?: SeriesQuantiles;
  /** The client's share of the TTFT or else of the latency, in milliseconds. */
  readonly clientShare?: Pick<SeriesQuantiles, "p95">;
}

/** How requests really arrived in the measured window: the first of each session, when it was dispatched. */
export interface ArrivalProcess {
  /** Number of arrivals. */
  readonly n: number;
  /** Arrivals after the first ÷ time from the first to the last. */
  readonly ratePerSecond: number;
  /**
   * Index of dispersion: variance ÷ mean of the counts in windows that hold 20 arrivals on average. A Poisson process has
   * 1, a constant rate 0. Absent with fewer than 200 arrivals.
   */
  readonly dispersion?: number;
  /** Correlation of neighbouring gaps between arrivals: 0 where they are independent. */
  readonly gapCorrelation?: number;
}
