import type { Clock } from "./clock.ts";
import type { StageReport } from "./report.ts";

/** Why a stage ended. */
export type StopReason = StageReport["stopped"];

/** Ends a stage step by step: no session starts any more, no request does, and those in flight are given up. */
export interface Stopper {
  /** Aborts when no session may start any more. */
  readonly closed: AbortSignal;
  /** Aborts when no request may start any more: not with the end of the data, as sessions in flight have turns left. */
  readonly stopped: AbortSignal;
  /** Aborts when requests in flight are given up. */
  readonly cut: AbortSignal;
  /** Why it ended, and when; `undefined` while it goes on. */
  readonly end: {
    readonly reason: StopReason;
    readonly atMs: number;
    readonly error?: unknown;
  } | undefined;
  /**
   * Ends the stage; nothing, if it has ended, but by the end of the data, which leaves turns to be sent. An interrupt
   * gives up what is in flight at once.
   */
  stop(reason: StopReason, error?: unknown): void;
  /** Gives its timer up. */
  close(): void;
}

/** How long requests in flight may go on when the time of a stage is over. */
const DRAIN_MS = 30_000;

/**
 * Makes one that has not ended.
 *
 * @param drainMs How long requests in flight may go on. Where it is not given, those that a number or the data
 *   asked for may take as long as their own time limits let them; those that time cut off, 30 s.
 */
export function stopper(clock: Clock, drainMs: number | undefined): Stopper {
  const closed = new AbortController();
  const stopped = new AbortController();
  const cut = new AbortController();
  let end: Stopper["end"];
  let cancelCut = () => {};

  return {
    closed: closed.signal,
    stopped: stopped.signal,
    cut: cut.signal,
    get end() {
      return end;
    },
    stop(reason, error) {
      if (reason === "interrupted" && !cut.signal.aborted) {
        cut.abort(new Error("The run was interrupted"));
      }
      if (end && (end.reason !== "data" || reason === "data")) return;
      end = {
        reason,
        atMs: clock.now(),
        ...(error !== undefined && { error }),
      };
      closed.abort();
      if (reason !== "data") stopped.abort();
      const limitMs = drainMs ?? (reason === "duration" ? DRAIN_MS : undefined);
      if (limitMs === undefined) return;
      cancelCut();
      cancelCut = clock.at(end.atMs + limitMs, () => {
        cut.abort(
          new Error(
            `It was still in flight ${limitMs} ms after the stage had ended`,
          ),
        );
      });
    },
    close: () => cancelCut(),
  };
}
