/** Result of one level of a search for the capacity. */
export interface CapacityLevel {
  /** Requests per second, or sessions in flight. */
  readonly level: number;
  /** Index of its stage in the report. */
  readonly stage: number;
  /**
   * `pass`: every SLO was kept, at the confidence of the search. `fail`: one was missed. `undecided`: its time was
   * too short. `client-limited`: this machine, not the server, was measured. `failed`: no request succeeded.
   */
  readonly outcome:
    | "pass"
    | "fail"
    | "undecided"
    | "client-limited"
    | "failed";
  /** Reason of the outcome, for people. */
  readonly reason: string;
}

/** How much load a server takes within the limits of the SLOs. */
export interface Capacity {
  /** Unit of the levels: requests per second, or sessions in flight. */
  readonly of: "rate" | "concurrency";
  /**
   * `found`: between `low` and `high`. `at-least`: no level above `low` was decided. `below`: `high` was missed, and no
   * lower level was kept. `undecided`: no level was decided. `not-monotone`: a level was kept and missed when it was
   * repeated, twice.
   */
  readonly status:
    | "found"
    | "at-least"
    | "below"
    | "undecided"
    | "not-monotone";
  /** Highest level that kept every SLO. */
  readonly low?: number;
  /** Lowest level above it that missed one. */
  readonly high?: number;
  /** Probability with which `low` is kept and `high` is missed. */
  readonly confidence: number;
  /** The objectives. */
  readonly slos: readonly string[];
  /** The levels, in the order in which they were tried. */
  readonly levels: readonly CapacityLevel[];
  /** Why the search ended before the interval was narrow, for people. */
  readonly ended?: string;
}

/** A figure over several runs: the mean of their values, with the bounds of Student's t interval. */
export interface RepeatInterval {
  /** Mean of the values of the runs. */
  readonly mean: number;
  /** Lower bound of the interval. */
  readonly lower: number;
  /** Upper bound of the interval. */
  readonly upper: number;
}

/** A stage over the repetitions of a run. */
export interface RepeatSummary {
  /** Name of the stage. */
  readonly stage: string;
  /** Number of repetitions. */
  readonly runs: number;
  /** Confidence of the intervals. */
  readonly confidence: number;
  /** Statistics of each metric that all repetitions have. */
  readonly metrics: Readonly<
    Record<
      string,
      & { readonly unit: string }
      & {
        readonly [
          Statistic in "mean" | "p50" | "p90" | "p95" | "p99"
        ]?: RepeatInterval;
      }
    >
  >;
  /** Rates of the stage, and `wer` and `cer`, that all repetitions have. */
  readonly rates: Readonly<Record<string, RepeatInterval>>;
}
