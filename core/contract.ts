import type { NormalizerName, StopRules } from "./config.ts";
import type { Random } from "../lib/random.ts";
import type { Clock } from "./clock.ts";
import type { Slo } from "./slo.ts";
import type { Progress, Report, RunInfo, StageReport } from "./report.ts";
import type { Capacity } from "./run_results.ts";
import type { InferenceRequest, Session, Turn } from "./request.ts";
import type {
  AudioSent,
  Delta,
  Instant,
  Output,
  Sample,
  SampleInput,
  Usage,
} from "./sample.ts";

/** Sends requests to a model. */
export interface Backend<Prepared = unknown> extends Partial<AsyncDisposable> {
  /**
   * Columns that each turn must have; of a nested list at least one. An item without them is skipped.
   */
  readonly needs: readonly (string | readonly string[])[];
  /** Facts for the report: target, model, mode, transport. Plain JSON without secrets. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /**
   * Opens connections for the requests to come, so that there are `count` without a request. A connection that cannot
   * be opened is left to the request that needs it.
   *
   * @returns How long each took to open, in milliseconds.
   */
  connect?(count: number, call: Pick<Call, "clock" | "signal">): Promise<
    readonly number[]
  >;
  /**
   * Measures one round trip of the network to the server, in milliseconds: a TCP connect, without a request.
   *
   * @throws {RequestError} If there is no answer.
   */
  roundTripMs?(call: Pick<Call, "clock" | "signal">): Promise<number>;
  /**
   * Builds the request of a turn, ahead of time and off the timed path.
   *
   * @throws {Error} If the turn cannot be sent, for example as its file is damaged: it is skipped, named and counted.
   */
  prepare?(turn: Turn, signal: AbortSignal): Promise<Prepared>;
  /**
   * Sends one request and resolves when its response has ended. What was passed to `call.output` is kept even if the
   * request fails; the returned output completes it.
   *
   * @throws {RequestError} For a failure with a known class; anything else is `backend_error`.
   */
  send(request: InferenceRequest<Prepared>, call: Call): Promise<Output>;
  /**
   * Returns how many output tokens the request of a turn asks for, of all answers together.
   *
   * @default `maxOutputTokens` of the turn
   */
  outputLimit?(
    turn: Turn,
  ): Pick<SampleInput, "maxOutputTokens" | "isExactLength">;
  /** Closes what was kept open for a session that will send no more. */
  endSession?(id: string): void;
  /**
   * Counts tokens that the server did not count, after the request has ended and its times are taken. The result is
   * added to the sample's usage. It is called if a count is missing or cannot be right: 0 tokens of the input, 0 tokens
   * although there is output, or fewer tokens than pieces of output. Its counts replace these; a 0 that it does not
   * confirm is dropped, as it is without this method.
   */
  countTokens?(
    sample: Sample,
    request: InferenceRequest<Prepared>,
    signal: AbortSignal,
  ): Promise<Usage>;
}

/** Records one request. It is the only source of time for a backend. */
export interface Call {
  /**
   * Aborts when the request is given up: the run was cancelled, or the response takes too much memory. It is created
   * when it is first read; `onAbort` and `throwIfAborted` cost less.
   */
  readonly signal: AbortSignal;
  /** Throws the reason if the request was given up. */
  throwIfAborted(): void;
  /** Runs `task` when the request is given up, or at once if it was. Returns a function that removes the task. */
  onAbort(task: (reason: unknown) => void): () => void;
  /** Clock for pacing and for timeouts. */
  readonly clock: Clock;
  /**
   * Records a network read before it is decoded, now or at `atMs`. Returns its time, for the outputs in it. `sinceMs`
   * is what `waitingSince` returned for it, if it passed another queue of this process.
   */
  read(bytes: number, atMs?: number, sinceMs?: number): number;
  /**
   * Records that the time of what is recorded next at `atMs` was taken by the system, when it received the last bytes
   * of the read, and is at most `errorMs` too late. The first bytes came after `sinceMs`, as far as that is known.
   */
  arrived(atMs: number, errorMs: number, sinceMs?: number): void;
  /** Returns the time since when bytes that are read now can have waited for this client. */
  waitingSince(): number;
  /** Counts an event that came with the read at `atMs`, whatever its content. The first one is an instant. */
  event(atMs: number): void;
  /** Records a piece of output that came with the read at `atMs`. */
  output(atMs: number, delta: Delta): void;
  /**
   * Sets the number of bytes of the response that the backend holds and has not recorded: an incomplete body or event.
   * They count toward the memory that a request may take. Beyond it the request is given up.
   */
  buffered(bytes: number): void;
  /** Records an instant, now or at `atMs`. */
  mark(instant: Instant, atMs?: number): void;
  /**
   * Records that the request is sent again, as the connection was lost before any of the response came. The instants
   * recorded so far are dropped: they belong to an attempt that does not count.
   */
  retried(): void;
  /**
   * Records that sending waited for the network or the server: for a connection, or for room in the socket's buffer.
   * All other time until `requestSent` was taken by this client.
   */
  sendWaited(fromMs: number, untilMs: number): void;
  /** Records when the response had ended, if reading it takes longer. @default The time when `send` resolves */
  ended(atMs: number): void;
  /** Records one chunk of audio that was handed to the socket. */
  audioSent(chunk: AudioSent): void;
}

/** Parameters of one pass over a dataset. */
export interface Reading {
  /** Seed of the order. */
  readonly seed: number;
  /** Index of the pass over the data: each may have an order of its own. */
  readonly pass: number;
  /** Aborts when no more sessions are needed. */
  readonly signal: AbortSignal;
}

/** Supplies the sessions of a run. */
export interface Dataset extends Partial<AsyncDisposable> {
  /** Facts for the report: number of items, folder. Plain JSON. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Whether its sessions have no end, so that a run needs a stop rule. @default {false} */
  readonly isEndless?: boolean;
  /**
   * Yields sessions in an order fixed by seed and pass. May be endless. Each shard of a run reads all of them and takes
   * its share by position, so sessions must be cheap.
   */
  sessions(reading: Reading): AsyncIterable<Session>;
}

/** A load whose requests start when others end. */
export interface ClosedLoop {
  /** Number of sessions in flight. */
  readonly concurrency: number;
  /** Time over which the first sessions start, one after another. @default {a second, or less in a short stage} */
  readonly spreadMs?: number | undefined;
  /**
   * The slots of the loop, in the order of their starts, at most `concurrency` open at a time: of a load whose number of
   * sessions changes. `spreadMs` has no effect then. @default As many as `concurrency`, spread, open to the end
   */
  readonly slots?: readonly LoopSlot[];
}

/** A place in a closed loop: it runs one session after another. */
export interface LoopSlot {
  /** When its first session starts, in milliseconds from the start of the stage. */
  readonly fromMs: number;
  /** When it starts no more sessions; the one in flight still ends. @default {Infinity} */
  readonly untilMs?: number;
  /**
   * Think times in milliseconds, in the order of use: one before each turn whose data has none, and one before each
   * session but the first. @default No think time
   */
  readonly thinkTimes?: Iterable<number>;
}

/** An open loop whose sessions start as the data recorded them, at {@linkcode Session.startMs}. */
export interface RecordedArrivals {
  /** Recorded time ÷ time of the run: 2 offers the traffic in half the time. Above 0. */
  readonly speed: number;
}

/** A part of a run with one load setting. */
export interface Stage {
  /** Name for people: `8 streams`, `poisson 200/s`. */
  readonly name: string;
  /** Setting for the report: `{ kind: "concurrent", concurrency: 8 }`. */
  readonly load: Readonly<Record<string, unknown>>;
  /**
   * Open loop: ascending start times in milliseconds from the start of the stage, or those of the data. Closed loop:
   * number of sessions in flight.
   */
  readonly arrivals: Iterable<number> | ClosedLoop | RecordedArrivals;
  /** Open loop: arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  readonly maxInFlight?: number;
  /**
   * Open loop: sessions and connections that are ready when the stage begins. Starts of one instant, up to this many, are
   * not separated. @default The connections of a second at `load.ratePerSecond`, at most 256
   */
  readonly readyAhead?: number;
  /** Stop rules of this stage alone: each takes the place of the run's. */
  readonly stop?: StopRules;
  /** Idle time before the stage, in milliseconds: the server comes to rest. @default {0} */
  readonly settleMs?: number;
  /**
   * Whether the data goes on where the stage before it stopped, so that a server has not seen the items. Otherwise each
   * stage reads it from the beginning. @default {false}
   */
  readonly continuesData?: boolean;
  /** Observes the stage while it runs, and may end it. */
  readonly monitor?: StageMonitor;
}

/** Observes a stage while it runs. It is called off the timed path. */
export interface StageMonitor {
  /** The stage begins. Its requests are numbered from `firstId` on, in the order in which they are sent. */
  begin?(stage: { readonly index: number; readonly firstId: number }): void;
  /** Receives samples that ended since the last call. */
  samples(batch: readonly Sample[]): void;
  /** Receives the state of the stage a few times a second. Returns whether the stage is to end now. */
  isDecided(snapshot: Progress): boolean;
}

/**
 * Generator of the stages of a run. `yield` returns the report of the stage that has just ended, with its metrics and
 * its SLO results, so that the next stage may depend on it.
 *
 * A search for the capacity of a server returns what it found. Where the run ends before a stage begins, `yield` throws a
 * {@linkcode RunEnded}, so that it can return what it found until then.
 *
 * @param stream Returns the random number generator for a purpose, derived from the seed of the run.
 * @param rules Rules of the run, for loads whose stages depend on them.
 */
export type LoadProfile = (
  stream: (purpose: string) => Random,
  rules: LoadRules,
) => Generator<Stage, Capacity | void, StageReport>;

/** The rules of a run that a load may depend on. */
export interface LoadRules {
  /** Rules that end each stage, unless the stage has rules of its own. */
  readonly stop: StopRules;
  /** Objectives that every stage must meet. */
  readonly slos: readonly Slo[];
  /** Normalizer of texts before words are compared. */
  readonly normalizer: NormalizerName;
}

/** Shows or stores the results of a run. */
export interface Reporter extends Partial<AsyncDisposable> {
  /** Whether it can also show a saved report whose samples are not known. @default {false, if it receives samples} */
  readonly worksWithoutSamples?: boolean;
  /** The run begins. */
  start?(run: RunInfo): void;
  /** Receives samples that ended since the last call, off the timed path. The engine does not keep them. */
  samples?(batch: readonly Sample[]): void;
  /** Receives the state of the running stage, a few times a second. */
  progress?(snapshot: Progress): void;
  /** Receives the report of a stage that has ended. */
  stage?(stage: StageReport): void;
  /** Receives the report of the run, which has ended or was interrupted. */
  report(report: Report): void | Promise<void>;
}
