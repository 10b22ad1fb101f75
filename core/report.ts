import type { RunConfig, RunFacts, StopRules } from "./config.ts";
import type { Phase, TokenCounter } from "./sample.ts";
import type { WithinRunIntervals } from "./intervals.ts";
import type { ArrivalProcess, Series } from "./time_series.ts";
import type { Capacity, RepeatSummary } from "./run_results.ts";

/** A quantile of a summary. */
export type Quantile = "p5" | "p50" | "p90" | "p95" | "p99" | "p999";

/** Statistics of one metric. The summary is absent if nothing was observed. */
export interface Summary {
  /** Number of values. */
  readonly n: number;
  /** Arithmetic mean. */
  readonly mean: number;
  /** Sample standard deviation; absent for a single value. */
  readonly sd?: number;
  /** Smallest value. */
  readonly min: number;
  /** Largest value. */
  readonly max: number;
  /** Quantiles by linear interpolation (type 7 of Hyndman and Fan, 1996). */
  readonly p5: number;
  /** Median. */
  readonly p50: number;
  /** 90 % are at most this. */
  readonly p90: number;
  /** 95 % are at most this. */
  readonly p95: number;
  /** 99 % are at most this. */
  readonly p99: number;
  /** 99.9 % are at most this. */
  readonly p999: number;
  /** Largest relative error of the quantiles; absent if every value was kept. */
  readonly quantileError?: number;
}

/** Unit of a metric's values. */
export type Unit = "ms" | "s" | "tokens" | "tokens/s" | "ratio" | "count";

/** Statistics of one metric with its unit. */
export interface MetricSummary extends Summary {
  /** Unit of the values. */
  readonly unit: Unit;
  /** Quantiles of too few values, each with the number that it needs. Absent if all have enough. */
  readonly valuesNeeded?: Readonly<Partial<Record<Quantile, number>>>;
}

/** A rate of word or character errors, with the sums to pool it further. */
export interface ErrorRate {
  /** (s + d + i) ÷ n. Absent where there were no reference units. */
  readonly value?: number;
  /** Substitutions. */
  readonly s: number;
  /** Deletions. */
  readonly d: number;
  /** Insertions. */
  readonly i: number;
  /** Units in the references. */
  readonly n: number;
  /** Normalizer of both texts. */
  readonly normalizer: string;
  /** Number of requests compared. */
  readonly utterances: number;
  /** Insertions against empty references, which are not part of the rate. */
  readonly emptyReferenceInsertions: number;
}

/** Requests of the measured window by their end. */
export interface Counts {
  /** Complete answers. */
  readonly ok: number;
  /** Failures that are neither timeouts nor cancellations. */
  readonly error: number;
  /** Requests that reached a time limit. */
  readonly timeout: number;
  /** Requests cut off by the end of the run or by an interrupt. */
  readonly cancelled: number;
  /**
   * Arrivals that never started: too many requests were in flight, or the client was late when the window ended. After
   * the end at most a million are counted.
   */
  readonly dropped: number;
  /** Requests among `ok` with an empty answer. */
  readonly emptyOutputs: number;
  /** Times that requests were sent again on a new connection, however they ended. */
  readonly retried: number;
  /** Requests that the server refused as it got too many: it answered 429 or 503. They are among `error`. */
  readonly throttled: number;
  /** Requests due before the measured window, however they ended. */
  readonly warmup: number;
  /** Requests due after the measured window, however they ended. Absent if there were no such requests. */
  readonly cooldown?: number;
  /**
   * Requests that ended `ok` within the window, whenever they were due: what other tools divide by its length. Absent in
   * reports of older versions.
   */
  readonly endedInWindow?: number;
  /** Requests that did not end `ok`, by class. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Failures of one class and code, with the message of the lowest request id. */
export interface FailureNote {
  /** Class, as in `counts.failures`. */
  readonly class: string;
  /** The server's or the system's own code. */
  readonly code?: string;
  /** Message of the request with the lowest id. */
  readonly message: string;
  /** Number of failures of this class and code. */
  readonly count: number;
}

/** Numbers of a whole stage. Each is absent where it does not apply. */
export interface Rates {
  /** Requests not `ok` ÷ requests ended and not cancelled. 0–1. */
  readonly errorRate?: number;
  /** Requests that ended `ok`, each with the part of its service time that lies in the window, ÷ its length. */
  readonly requestsPerSecond?: number;
  /** The same of requests that kept every SLO on a metric of single requests. Absent without such an SLO. */
  readonly goodput?: number;
  /** Input tokens of these requests, in parts as they are, ÷ the window's length. */
  readonly inputTokensPerSecond?: number;
  /** Output tokens read in the window, of every request however it ended, ÷ its length. */
  readonly outputTokensPerSecond?: number;
  /** Vectors of the requests that ended `ok`, in parts as they are, ÷ the window's length. */
  readonly embeddingsPerSecond?: number;
  /** Audio seconds of these requests, in parts as they are, ÷ the window's length. */
  readonly rtfxAggregate?: number;
}

/** Summary of the client's share of a metric. */
export interface ShareSummary extends Summary {
  /**
   * By how much the metric's percentiles can be too high, in milliseconds: each less the same one of the metric without
   * the share. Large shares of requests that are fast anyway do not move the p99.
   */
  readonly added: Readonly<Record<"p50" | "p90" | "p99", number>>;
  /** When the request with the largest share was dispatched, on the run's clock. */
  readonly maxAtMs: number;
}

/** How well the client kept up, in the measured window. */
export interface ClientHealth {
  /** Dispatched − scheduled, in milliseconds. */
  readonly scheduleLag?: Summary;
  /** Sent − due of each paced chunk of audio, in milliseconds. */
  readonly chunkLateness?: Summary;
  /** Time between the due times of neighbouring chunks, in milliseconds. */
  readonly chunkMs?: number;
  /** Time from the end of a response until this client could send another request, in milliseconds. */
  readonly turnaround?: Summary;
  /**
   * Source of the shares: the system's times of arrival, for nearly all requests; its account of the thread; or timers
   * alone, which give the highest bounds.
   */
  readonly method?: "arrivals" | "scheduler" | "timers";
  /** How much of the TTFT this client can have made itself: an upper bound of each request, in milliseconds. */
  readonly ttftShare?: ShareSummary;
  /** The same of the latency. */
  readonly latencyShare?: ShareSummary;
  /** The same of the response time. */
  readonly responseTimeShare?: ShareSummary;
  /** The same of the finalization latency. */
  readonly finalizationShare?: ShareSummary;
  /** Time in which the thread waited for a processor ÷ wall time. */
  readonly queued?: number;
  /** Round trips to the server before and after the stage, if they were measured, in milliseconds. */
  readonly rtt?: Summary;
  /** How long it took to open each connection that was opened before the stage, in milliseconds. */
  readonly connectAhead?: Summary;
  /** How late a timer of the event loop fired, in milliseconds. */
  readonly loopDelay?: Summary;
  /** Processor time ÷ wall time; above 1 on several cores. */
  readonly cpu?: number;
  /** Largest resident memory seen. */
  readonly rssBytes?: number;
}

/** Whether the numbers of a stage can be trusted. */
export interface Verdict {
  /**
   * `client-limited`: this machine, not the server, was measured. `too-few-samples`: too few requests succeeded to judge
   * any percentile. `failed`: no request succeeded.
   */
  readonly status: "valid" | "client-limited" | "too-few-samples" | "failed";
  /** Reasons, for people. */
  readonly reasons: readonly string[];
  /** Limit of the client's share, if the run set another than 0.1. */
  readonly maxClientShare?: number;
}

/** Unit of an SLO's limit and value. A share is a fraction of 1, written in %. */
export type SloUnit = Unit | "share" | "/s";

/** Whether a stage kept a service-level objective. */
export interface SloResult {
  /** The objective: `ttft.p95<200ms`. */
  readonly objective: string;
  /** Name of the metric or rate in the report. */
  readonly metric: string;
  /** Statistic of the metric: `p95`. Absent for a number of the whole stage, as an error rate is. */
  readonly quantile?: string;
  /** The limit, in `unit`. */
  readonly limit: number;
  /** Of limit and value. */
  readonly unit: SloUnit;
  /** The measured value. Absent where nothing was measured: the objective is then missed. */
  readonly value?: number;
  /** Number of values that the measured one was made from. */
  readonly n: number;
  /** Whether the objective was kept. */
  readonly pass: boolean;
  /** Why there is no value, or that it was judged on too few values. */
  readonly reason?: string;
}

/** The measured part of a stage, in milliseconds on the run's clock. */
export interface Window {
  /** When the stage began. */
  readonly stageStartMs: number;
  /** When measuring began, after the warm-up. */
  readonly startMs: number;
  /** When measuring ended. */
  readonly endMs: number;
  /** Length of the warm-up. */
  readonly warmupMs: number;
  /**
   * What ended the warm-up, if not its time: the number of its requests, that the load was `steady`, or the `limit` of the
   * wait for that.
   */
  readonly warmupEnd?: "requests" | "steady" | "limit";
  /** Length of the cool-down. Absent without a cool-down. */
  readonly cooldownMs?: number;
}

/** The rule that ended a stage. */
export type StopReason =
  | "duration"
  | "requests"
  | "data"
  | "errors"
  | "errorRate"
  | "recentErrorRate"
  | "saturation"
  | "silence"
  | "decided"
  | "interrupted";

/** Numbers of the rule that ended a stage. */
export interface StopCause {
  /** Whether it is a rule of the stage or of the run. */
  readonly scope: "stage" | "run";
  /** The value that was reached. Of a series that grew: the mean of its last third. */
  readonly value: number;
  /** Limit of the rule, if it has one. */
  readonly limit?: number;
  /** Number of requests that the value was taken from. */
  readonly of?: number;
  /** The value that grew: `inFlight`, or the name of a metric in milliseconds. */
  readonly metric?: string;
  /** Mean of the first third of what grew. */
  readonly from?: number;
}

/** The result of one stage. */
export interface StageReport {
  /** Name for people: `8 streams`. */
  readonly name: string;
  /** Number of the repetition, from 1, if the run was repeated. */
  readonly repeat?: number;
  /** The load setting, as plain data: `{ kind: "concurrent", concurrency: 8 }`. */
  readonly load: Readonly<Record<string, unknown>>;
  /** Stop rules of this stage alone, where it has any: each takes the place of the run's. */
  readonly stop?: StopRules;
  /** The measured part of the stage. */
  readonly window: Window;
  /** Why the stage ended. */
  readonly stopped: StopReason;
  /** Numbers of the rule that ended it. Absent for the window's own length, the end of the data and an interrupt. */
  readonly stopCause?: StopCause;
  /** Requests by their end. */
  readonly counts: Counts;
  /** Failures by class and code, most frequent first: at most ten, always with those that this client made. */
  readonly failures: readonly FailureNote[];
  /** The same of the warm-up. Absent without any, and in reports of older versions. */
  readonly warmupFailures?: readonly FailureNote[];
  /** Metrics by name, of requests that ended `ok`. A metric is absent if nothing was observed. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** Numbers of the whole stage. */
  readonly rates: Rates;
  /** Sources of the token counts, each with its number of answered requests. Absent if nothing was counted. */
  readonly tokenCounts?: {
    readonly input?: Readonly<Partial<Record<TokenCounter, number>>>;
    readonly output?: Readonly<Partial<Record<TokenCounter, number>>>;
  };
  /** Word and character error rates, where there are references. */
  readonly quality: { readonly wer?: ErrorRate; readonly cer?: ErrorRate };
  /** Confidence intervals within this run. Absent where there are too few values, and in reports of older versions. */
  readonly withinRunIntervals?: WithinRunIntervals;
  /** How requests really arrived. Absent with fewer than two arrivals, and in reports of older versions. */
  readonly arrivals?: ArrivalProcess;
  /** Events and metrics over time. Absent without requests, and in reports of older versions. */
  readonly series?: Series;
  /** Condition of the client. */
  readonly client: ClientHealth;
  /** Results of the run's SLOs. Absent if none was set. */
  readonly slo?: readonly SloResult[];
  /** Notes that a reader of the numbers needs. Absent if there is nothing. */
  readonly notes?: readonly string[];
  /** Whether to trust the numbers. */
  readonly verdict: Verdict;
}

/** Versions of the program and the machine. */
export interface Environment {
  /** Version of earshot. */
  readonly version: string;
  /** Version of Deno. */
  readonly deno?: string;
  /** Operating system and architecture. */
  readonly os?: string;
  /** Processor model. */
  readonly cpu?: string;
  /** Number of logical processors. */
  readonly cores?: number;
}

/** Facts of a run that are known when it begins. */
export interface RunInfo {
  /** The machine. */
  readonly earshot: Environment;
  /** The run. */
  readonly run: {
    /** Unique. */
    readonly id: string;
    /** Start of the run's clock: ISO 8601, in UTC. */
    readonly startedAt: string;
    /** The same in milliseconds since 1970, with a fraction: joins samples with other logs. */
    readonly epochMs: number;
    /** From the start of the program's work to the first request that could be sent, in milliseconds. */
    readonly loadingMs: number;
    /** Configuration. */
    readonly config: RunConfig;
    /** Facts that the plugins reported when they were open. */
    readonly facts: RunFacts;
  };
}

/** Items of the data that could not be used. */
export interface Skipped {
  /** Number of items. */
  readonly count: number;
  /** The first of them, at most twenty, each with its reason. */
  readonly items: readonly { readonly id: string; readonly reason: string }[];
}

/** The result of a run, as plain data. The same samples give the same report, byte for byte. */
export interface Report extends RunInfo {
  /** Format and version. */
  readonly schema: "earshot.report/2";
  /** Results of the searches for the capacity. Absent without one. */
  readonly capacities?: readonly Capacity[];
  /** Each stage over the repetitions of the run. Absent without any. */
  readonly repeats?: readonly RepeatSummary[];
  /** One for each stage. */
  readonly stages: readonly StageReport[];
  /** Items left out. */
  readonly skipped: Skipped;
  /** Whether the run was interrupted, or ended by an error, before its end. */
  readonly interrupted: boolean;
  /** Message of the error that ended the run early, such as data that could not be read further. */
  readonly error?: string;
}

/** The stages of a report that are not levels of a search. */
export function stagesOutsideSearches(
  { stages, capacities = [] }: Pick<Report, "stages" | "capacities">,
): StageReport[] {
  const levels = new Set(
    capacities.flatMap(({ levels }) => levels.map(({ stage }) => stage)),
  );
  return stages.filter((_, i) => !levels.has(i));
}

/** State of a running stage. */
export interface Progress {
  /** Time since the run began, in milliseconds. */
  readonly atMs: number;
  /** Index of the stage. */
  readonly stage: number;
  /** Name of the stage. */
  readonly name: string;
  /** Part of the stage. */
  readonly phase: Phase | "drain";
  /** Requests in flight. */
  readonly inFlight: number;
  /** Requests of this stage by their end, warm-up included. */
  readonly counts: Readonly<
    Record<"ok" | "error" | "timeout" | "cancelled" | "dropped", number>
  >;
  /** Requests answered per second over the last few seconds. */
  readonly requestsPerSecond: number;
  /** Medians so far by metric name, in milliseconds. */
  readonly medians: Readonly<Record<string, number>>;
  /** Time until the window ends, in milliseconds, if a duration was set. */
  readonly remainingMs?: number;
  /** Number of requests still to start, if a number was set. */
  readonly remainingRequests?: number;
}
