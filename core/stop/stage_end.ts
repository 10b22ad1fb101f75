import type { Clock } from "../clock.ts";
import type { Dataset } from "../contract.ts";
import { UsageError } from "../errors.ts";
import type { RunStopRules, StopRules } from "../config.ts";
import type { StopCause, StopReason } from "../report.ts";
import { checkRunStopRules, checkStopRules } from "./stop_rules.ts";

/**
 * Whether a rule ends a stage before the data does: the data is then read again when it ends.
 *
 * @throws {UsageError} If nothing would end the stage, or a rule has no meaning.
 */
export function endsBeforeData(
  stop: StopRules,
  dataset: Pick<Dataset, "isEndless">,
  stopRun: RunStopRules = {},
): boolean {
  checkStopRules(stop);
  checkRunStopRules(stopRun);
  if (hasLength(stop)) return true;
  if (!dataset.isEndless || hasLength(stopRun)) return false;
  throw new UsageError(
    "data without end needs a duration or a number of requests: neither was given",
  );
}

function hasLength({ durationMs, requests }: RunStopRules): boolean {
  return durationMs !== undefined || requests !== undefined;
}

/** How long requests in flight may go on when the load of a stage is over. */
const DRAIN_MS = 30_000;
/** The same where every request is wanted: as long as one may take by default. */
const DRAIN_ALL_MS = 3_600_000;

/** Ends a stage step by step: no session starts any more, no request does, and those in flight are given up. */
export class StageEnd {
  readonly #closed = new AbortController();
  readonly #stopped = new AbortController();
  readonly #cut = new AbortController();
  /** Aborts when no session may start any more. */
  readonly closed: AbortSignal = this.#closed.signal;
  /** Aborts when no request may start any more: not at the end of the data, as sessions in flight have turns left. */
  readonly stopped: AbortSignal = this.#stopped.signal;
  /** Aborts when requests in flight are given up. */
  readonly cut: AbortSignal = this.#cut.signal;
  readonly #clock: Clock;
  readonly #drainMs: number | undefined;
  #cancelCut = () => {};
  /** When the last request started. */
  #startedMs = 0;
  /** Why and when the stage ended; `undefined` while it goes on. */
  end: {
    readonly reason: StopReason;
    readonly atMs: number;
    readonly cause?: StopCause;
    readonly error?: unknown;
  } | undefined;

  /**
   * @param drainMs How long requests in flight may go on. By default an hour after a number of requests or the end of the
   *   data, and 30 s otherwise.
   */
  constructor(clock: Clock, drainMs: number | undefined) {
    this.#clock = clock;
    this.#drainMs = drainMs;
  }

  /** Notes that a request starts, which was due at `scheduledMs`. */
  started(scheduledMs: number): void {
    this.#startedMs = scheduledMs;
  }

  /**
   * Ends the stage. It has no effect on a stage that has ended, unless the data ended it: sessions in flight may still
   * have turns to send. An interrupt gives up requests in flight at once.
   */
  stop(
    reason: StopReason,
    { cause, error }: { cause?: StopCause; error?: unknown } = {},
  ): void {
    if (reason === "interrupted") {
      this.giveUp(
        new Error(
          error === undefined
            ? "The run was interrupted"
            : "An error ended the run",
        ),
      );
    }
    if (this.end && (this.end.reason !== "data" || reason === "data")) return;
    const atMs = this.#clock.now();
    this.end = {
      reason,
      atMs,
      ...(cause && { cause }),
      ...(error !== undefined && { error }),
    };
    this.#closed.abort();
    if (reason !== "data") this.#stopped.abort();
    const isWhole = reason === "requests" || reason === "data";
    this.#cutAfter(
      this.#drainMs ?? (isWhole ? DRAIN_ALL_MS : DRAIN_MS),
      atMs,
    );
  }

  /** Gives up the requests in flight. */
  giveUp(reason: Error): void {
    if (!this.cut.aborted) this.#cut.abort(reason);
  }

  /** Cancels the timer. */
  close(): void {
    this.#cancelCut();
  }

  #cutAfter(limitMs: number, sinceMs: number): void {
    this.#cancelCut();
    this.#cancelCut = this.#clock.at(sinceMs + limitMs, () => {
      // After the end of the data, sessions go on to send.
      if (!this.stopped.aborted && this.#startedMs > sinceMs) {
        return this.#cutAfter(limitMs, this.#startedMs);
      }
      this.giveUp(
        new Error(
          `The request was still in flight ${limitMs} ms after the stage had ended`,
        ),
      );
    });
  }
}
