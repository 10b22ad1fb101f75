import type { TokenCounter } from "./sample.ts";

/** Statistics of one metric. Absent altogether where nothing was observed. */
export interface Summary {
  /** How many values. */
  readonly n: number;
  /** Arithmetic mean. */
  readonly mean: number;
  /** Sample standard deviation, from two values on. */
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
  /** Largest relative error of the quantiles, where there were too many values to keep each. */
  readonly quantileError?: number;
}

/** Unit of a metric's values. */
export type Unit = "ms" | "s" | "tokens" | "tokens/s" | "ratio" | "count";

/** A rate of word or character errors, with all that is needed to pool it further. */
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
  /** What was done to both texts first. */
  readonly normalizer: string;
  /** Requests compared. */
  readonly utterances: number;
  /** Insertions against empty references, which no rate can hold. */
  readonly emptyReferenceInsertions: number;
}

/** How many requests of the measured window ended in which way. */
export interface Counts {
  /** Answered in full. */
  readonly ok: number;
  /** Failed. */
  readonly error: number;
  /** Given up by a time limit. */
  readonly timeout: number;
  /** Cut off by the end of the run or by an interrupt. */
  readonly cancelled: number;
  /** Arrivals that never started: too many requests were in flight, or the client was behind when the window ended; of those behind the end a million are counted. */
  readonly dropped: number;
  /** Of `ok`: those with an empty answer. */
  readonly emptyOutputs: number;
  /** How many were sent again on a new connection, whatever their end. */
  readonly retried: number;
  /** Requests due before the measured window, whatever their end. */
  readonly warmup: number;
  /** All that did not end `ok`, by class. */
  readonly failures: Readonly<Record<string, number>>;
}

/** One kind of failure, with the words of its first occurrence. */
export interface FailureNote {
  /** As in `counts.failures`. */
  readonly class: string;
  /** The server's or the system's own code. */
  readonly code?: string;
  /** What was said. */
  readonly message: string;
  /** How often, with this class and code. */
  readonly count: number;
}

/** Per-stage numbers that are no distribution. Each absent where it does not apply. */
export interface Rates {
  /** Requests not `ok` ÷ requests ended and not cancelled. 0–1. */
  readonly errorRate?: number;
  /** Requests answered in the window ÷ its length. */
  readonly requestsPerSecond?: number;
  /** Input tokens of these ÷ its length. */
  readonly inputTokensPerSecond?: number;
  /** Output tokens of these ÷ its length. */
  readonly outputTokensPerSecond?: number;
  /** Vectors of these ÷ its length. */
  readonly embeddingsPerSecond?: number;
  /** Audio seconds of these ÷ its length. */
  readonly rtfxAggregate?: number;
}

/** How well the client kept up, in the measured window. */
export interface ClientHealth {
  /** Dispatched − scheduled, in milliseconds. */
  readonly scheduleLag?: Summary;
  /** Sent − due of each paced chunk of audio, in milliseconds. */
  readonly chunkLateness?: Summary;
  /** Time between the due times of neighbouring chunks, in milliseconds. */
  readonly chunkMs?: number;
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
  /** Why, for people. */
  readonly reasons: readonly string[];
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
  /** Why there is no value. */
  readonly reason?: string;
}

/** The measured part of a stage, in milliseconds on the run's clock. */
export interface Window {
  /** When the stage began. */
  readonly stageStartMs: number;
  /** When measuring began: after the warm-up. */
  readonly startMs: number;
  /** When measuring ended. */
  readonly endMs: number;
  /** How long the warm-up was. */
  readonly warmupMs: number;
}

/** The result of one stage. */
export interface StageReport {
  /** For people: `8 streams`. */
  readonly name: string;
  /** The load setting, as plain data: `{ kind: "concurrent", concurrency: 8 }`. */
  readonly load: Readonly<Record<string, unknown>>;
  /** Stop rules of this stage alone, where it has any: each takes the place of the run's. */
  readonly stop?: StopRules;
  /** The measured part of the stage. */
  readonly window: Window;
  /** Why the stage ended. */
  readonly stopped: "duration" | "requests" | "data" | "interrupted";
  /** Requests by their end. */
  readonly counts: Counts;
  /** The kinds of failure, most frequent first; at most ten, those that this client made always among them. */
  readonly failures: readonly FailureNote[];
  /** By metric name; only requests that ended `ok`. Absent where nothing was observed. */
  readonly metrics: Readonly<Record<string, { readonly unit: Unit } & Summary>>;
  /** Throughput and the like. */
  readonly rates: Rates;
  /** Who counted the tokens: how many of the answered requests each did. Absent where none were counted. */
  readonly tokenCounts?: {
    readonly input?: Readonly<Partial<Record<TokenCounter, number>>>;
    readonly output?: Readonly<Partial<Record<TokenCounter, number>>>;
  };
  /** Speech quality, where there are references. */
  readonly quality: { readonly wer?: ErrorRate; readonly cer?: ErrorRate };
  /** The client's own condition. */
  readonly client: ClientHealth;
  /** Whether it kept each SLO of the run. Absent where none was set. */
  readonly slo?: readonly SloResult[];
  /** Whether to trust it. */
  readonly verdict: Verdict;
}

/** What the machine and the program were. */
export interface Environment {
  /** Of earshot. */
  readonly version: string;
  /** Of the runtime. */
  readonly deno?: string;
  /** Operating system and architecture. */
  readonly os?: string;
  /** Processor model, where known. */
  readonly cpu?: string;
  /** Logical processors. */
  readonly cores?: number;
}

/** What was run: everything needed to run it again, secrets by name. */
export interface RunConfig {
  /** The backend: its name, options, and what it told of itself. */
  readonly backend: PluginUse;
  /** The dataset, likewise. */
  readonly dataset: PluginUse;
  /** The stages that were asked for, in the words of the command line. */
  readonly load: string;
  /** Stop and warm-up rules. */
  readonly stop: StopRules;
  /** How texts are normalized before words are compared. */
  readonly normalizer: string;
  /** Objectives that every stage must keep: `errorRate<=5%`. Absent where none was set. */
  readonly slo?: readonly string[];
}

/** A plugin as a run used it. */
export interface PluginUse {
  /** Its name, file or URL. */
  readonly name: string;
  /** The options as given, but for what may be secret: values of headers, users, passwords and queries of URLs. */
  readonly options: unknown;
  /** What it told of itself when it was open. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** When a stage ends, and what of it counts. */
export interface StopRules {
  /** Offered before measuring begins, in milliseconds. @default {0} */
  readonly warmupMs?: number;
  /** Length of the measured window, in milliseconds. */
  readonly durationMs?: number;
  /** Requests to start in the measured window. */
  readonly requests?: number;
  /** How long requests in flight may go on when none starts any more, in milliseconds. @default 30000 after a duration, no limit of the engine's otherwise */
  readonly drainMs?: number;
}

/** What is known of a run when it begins. */
export interface RunInfo {
  /** The machine. */
  readonly earshot: Environment;
  /** The run. */
  readonly run: {
    /** Unique. */
    readonly id: string;
    /** When the run's clock stood at 0: ISO 8601, in UTC. */
    readonly startedAt: string;
    /** The same, in milliseconds since 1970, with a fraction: joins samples with other logs. */
    readonly epochMs: number;
    /** Fixes order and arrivals. */
    readonly seed: number;
    /** From the start of the program's work to the first request that could be sent, in milliseconds. */
    readonly loadingMs: number;
    /** What was run. */
    readonly config: RunConfig;
  };
}

/** Data that could not be used. */
export interface Skipped {
  /** How many items. */
  readonly count: number;
  /** The first of them, each with its reason; at most twenty. */
  readonly items: readonly { readonly id: string; readonly reason: string }[];
}

/** The result of a run, as plain data. The same samples give the same report, byte for byte. */
export interface Report extends RunInfo {
  /** Format and version. */
  readonly schema: "earshot.report/1";
  /** One for each stage. */
  readonly stages: readonly StageReport[];
  /** Items left out, if any. */
  readonly skipped: Skipped;
  /** Whether the run was interrupted before its end. */
  readonly interrupted: boolean;
}

/** A glance at a run. */
export interface Progress {
  /** Time since the run began, in milliseconds. */
  readonly atMs: number;
  /** Which stage, from 0. */
  readonly stage: number;
  /** Its name. */
  readonly name: string;
  /** Which part of it. */
  readonly phase: "warmup" | "measure" | "drain";
  /** Requests in flight. */
  readonly inFlight: number;
  /** Requests of this stage by their end, warm-up included. */
  readonly counts: Readonly<
    Record<"ok" | "error" | "timeout" | "cancelled" | "dropped", number>
  >;
  /** Answered a second, over the last few seconds. */
  readonly requestsPerSecond: number;
  /** Medians so far, by metric name, in milliseconds. */
  readonly medians: Readonly<Record<string, number>>;
  /** Until the stage's window ends, in milliseconds, where a duration was set. */
  readonly remainingMs?: number;
  /** Requests still to start, where a number was set. */
  readonly remainingRequests?: number;
}
