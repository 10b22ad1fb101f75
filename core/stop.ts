import type { Clock } from "./clock.ts";
import type { Dataset } from "./contract.ts";
import { UsageError } from "./errors.ts";
import type { StopRules } from "./config.ts";
import type { StageReport } from "./report.ts";

/**
 * Whether a rule ends a stage before the data does: the data is then read again when it ends.
 *
 * @throws {UsageError} If nothing would end the stage, or a rule has no meaning.
 */
export function endsBeforeData(
  stop: StopRules,
  dataset: Pick<Dataset, "isEndless">,
): boolean {
  checkStopRules(stop);
  const isEnded = stop.durationMs !== undefined || stop.requests !== undefined;
  if (isEnded || !dataset.isEndless) return isEnded;
  throw new UsageError(
    "data without end needs a duration or a number of requests: neither was given",
  );
}

function checkStopRules(stop: StopRules): void {
  const isTime = (value: number) => value >= 0 && value < Infinity;
  const rules: [keyof StopRules, (value: number) => boolean, string][] = [
    ["durationMs", (value) => isTime(value) && value > 0, "above 0"],
    [
      "requests",
      (value) => Number.isSafeInteger(value) && value > 0,
      "a whole number from 1 on",
    ],
    ["warmupMs", isTime, "0 or more"],
    ["drainMs", isTime, "0 or more"],
  ];
  for (const [name, holds, rule] of rules) {
    const value = stop[name];
    if (value === undefined || holds(value)) continue;
    throw new UsageError(`${name} must be ${rule}, but was ${value}`);
  }
}

/** Why a stage ended. */
export type StopReason = StageReport["stopped"];

/** How long requests in flight may go on when the time of a stage is over. */
const DRAIN_MS = 30_000;

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
  /** Why and when the stage ended; `undefined` while it goes on. */
  end: {
    readonly reason: StopReason;
    readonly atMs: number;
    readonly error?: unknown;
  } | undefined;

  /**
   * @param drainMs How long requests in flight may go on. By default 30 s after a duration; after a number of requests or
   *   the end of the data, as long as their own time limits allow.
   */
  constructor(clock: Clock, drainMs: number | undefined) {
    this.#clock = clock;
    this.#drainMs = drainMs;
  }

  /**
   * Ends the stage. It has no effect on a stage that has ended, unless the data ended it: sessions in flight may still
   * have turns to send. An interrupt gives up requests in flight at once.
   */
  stop(reason: StopReason, error?: unknown): void {
    if (reason === "interrupted" && !this.cut.aborted) {
      this.#cut.abort(new Error("The run was interrupted"));
    }
    if (this.end && (this.end.reason !== "data" || reason === "data")) return;
    const atMs = this.#clock.now();
    this.end = { reason, atMs, ...(error !== undefined && { error }) };
    this.#closed.abort();
    if (reason !== "data") this.#stopped.abort();
    const limitMs = this.#drainMs ??
      (reason === "duration" ? DRAIN_MS : undefined);
    if (limitMs === undefined) return;
    this.#cancelCut();
    this.#cancelCut = this.#clock.at(atMs + limitMs, () => {
      this.#cut.abort(
        new Error(
          `The request was still in flight ${limitMs} ms after the stage had ended`,
        ),
      );
    });
  }

  /** Cancels the timer. */
  close(): void {
    this.#cancelCut();
  }
}
