import type { Random } from "../lib/random.ts";
import type { Clock } from "./clock.ts";
import type {
  Progress,
  Report,
  RunInfo,
  StageReport,
  StopRules,
} from "./report.ts";
import type { InferenceRequest, Session, Turn } from "./request.ts";
import type {
  AudioSent,
  Delta,
  Instant,
  Output,
  Sample,
  Usage,
} from "./sample.ts";

/** Sends requests to a model. */
export interface Backend<Prepared = unknown> extends Partial<AsyncDisposable> {
  /**
   * Columns that each turn must have; of a list in it, one at least. A dataset without them is refused before the
   * run.
   */
  readonly needs: readonly (string | readonly string[])[];
  /** What the report should say of it: target, model, mode, transport. Plain JSON, no secrets. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Streams that would begin together are spread over this long, in milliseconds. @default {0} */
  readonly spreadMs?: number;
  /**
   * Builds what goes on the wire, ahead of need and off the timed path.
   *
   * @throws {Error} If the turn cannot be sent, as its file is damaged: it is skipped, named and counted.
   */
  prepare?(turn: Turn, signal: AbortSignal): Promise<Prepared>;
  /**
   * Sends one request and resolves when its response has ended. What `call.output` saw is
   * kept whatever happens; what is returned here completes it.
   *
   * @throws {RequestError} For a failure with a known class; anything else is `backend_error`.
   */
  send(request: InferenceRequest<Prepared>, call: Call): Promise<Output>;
  /** The session will send no more: close what was kept open for it. */
  endSession?(id: string): void;
  /**
   * Counts tokens that the server did not count, once the request is over and its times are taken. What it returns
   * is added to the sample's usage. It is not asked where input and output are both known and may be right. It is asked
   * again where the server counted 0 tokens of the input, 0 beside output, or fewer than there are pieces of output:
   * what it returns takes the place of these; a 0 that it does not confirm is dropped, as it is without this method.
   */
  countTokens?(
    sample: Sample,
    request: InferenceRequest<Prepared>,
    signal: AbortSignal,
  ): Promise<Usage>;
}

/** The engine's side of one request, and the only way a backend tells time. */
export interface Call {
  /**
   * Aborts when the request is given up: the run was cancelled, or the response takes too much memory. It is made when
   * it is first read; `onAbort` and `throwIfAborted` cost less.
   */
  readonly signal: AbortSignal;
  /** Throws the reason if the request was given up. */
  throwIfAborted(): void;
  /** Runs `task` when the request is given up, or at once if it was. Returns a function that removes the task. */
  onAbort(task: (reason: unknown) => void): () => void;
  /** For pacing what is sent, and for timeouts. */
  readonly clock: Clock;
  /** Stamps a network read, now unless `atMs` says otherwise: before decoding. Returns the time, for the outputs in it. */
  read(bytes: number, atMs?: number): number;
  /** Counts an event that came with the read at `atMs`, whatever is in it; the first one is an instant. */
  event(atMs: number): void;
  /** Records a piece of output that came with the read at `atMs`. */
  output(atMs: number, delta: Delta): void;
  /**
   * Says how many bytes of the response the backend holds back now, beside what it has recorded: a body that is not
   * whole yet, an event that has not ended. They count toward the memory that a request may take; beyond it the
   * signal aborts.
   */
  buffered(bytes: number): void;
  /** Records an instant; now, unless `atMs` says otherwise. */
  mark(instant: Instant, atMs?: number): void;
  /**
   * Counts that the request is sent again, as the connection was lost before anything of a response came. The instants
   * marked so far are forgotten: they belong to a sending that does not count.
   */
  retried(): void;
  /** Says when the response had ended, where reading it takes the backend longer. As `send` resolves, unless told. */
  ended(atMs: number): void;
  /** Records one chunk of audio, handed to the socket. */
  audioSent(chunk: AudioSent): void;
}

/** How a dataset is to be read. */
export interface Reading {
  /** Fixes the order. */
  readonly seed: number;
  /** How often the data has been read through before, from 0: for an order of its own each time. */
  readonly pass: number;
  /** Aborts when the run needs no more. */
  readonly signal: AbortSignal;
}

/** Supplies the sessions of a run. */
export interface Dataset extends Partial<AsyncDisposable> {
  /** What the report should say of it: how many items, which folder. Plain JSON. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Whether its sessions have no end, so that a run must be told when to stop. @default {false} */
  readonly isEndless?: boolean;
  /**
   * Yields sessions in an order fixed by seed and pass. May be endless. Workers and machines each
   * read the same order and take their share by position, so sessions must be cheap.
   */
  sessions(reading: Reading): AsyncIterable<Session>;
}

/** A part of a run with one load setting. */
export interface Stage {
  /** Name for people: `8 streams`, `poisson 200/s`. */
  readonly name: string;
  /** Setting for the report: `{ kind: "concurrent", concurrency: 8 }`. */
  readonly load: Readonly<Record<string, unknown>>;
  /**
   * Open loop: ascending start times in milliseconds from the start of the stage. Closed loop: number of sessions in
   * flight.
   */
  readonly arrivals: Iterable<number> | { readonly concurrency: number };
  /** Open loop: arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  readonly maxInFlight?: number;
  /** Stop rules of this stage alone: each takes the place of the run's. */
  readonly stop?: StopRules;
}

/**
 * Generator of the stages of a run. `yield` returns the report of the stage that has just ended, with its metrics and
 * its SLO results, so that the next stage may depend on it.
 *
 * @param stream Returns the random number generator for a purpose, derived from the seed of the run.
 */
export type LoadProfile = (
  stream: (purpose: string) => Random,
) => Generator<Stage, void, StageReport>;

/** Shows or stores what a run produced. Gets data, never the engine. */
export interface Reporter extends Partial<AsyncDisposable> {
  /** The run begins. */
  start?(run: RunInfo): void;
  /** Samples that ended since the last call, off the timed path. They are not kept. */
  samples?(batch: readonly Sample[]): void;
  /** What stands now, a few times a second. */
  progress?(snapshot: Progress): void;
  /** A stage has ended. */
  stage?(stage: StageReport): void;
  /** The run has ended, or was interrupted. */
  report(report: Report): void | Promise<void>;
}
