import type { Clock } from "./clock.ts";
import type { StageReport } from "./report.ts";

/** Why a stage ended. */
export type StopReason = StageReport["stopped"];

/** Ends a stage in two steps: first no request starts any more, later those in flight are given up. */
export interface Stopper {
  /** Aborts when no request may start any more. */
  readonly stopped: AbortSignal;
  /** Aborts when requests in flight are given up. */
  readonly cut: AbortSignal;
  /** Why it ended, and when; `undefined` while it goes on. */
  readonly end: {
    readonly reason: StopReason;
    readonly atMs: number;
    readonly error?: unknown;
  } | undefined;
  /** Ends the stage; nothing, if it has ended. An interrupt gives up what is in flight at once. */
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
  const stopped = new AbortController();
  const cut = new AbortController();
  let end: Stopper["end"];
  let cancelCut = () => {};

  return {
    stopped: stopped.signal,
    cut: cut.signal,
    get end() {
      return end;
    },
    stop(reason, error) {
      if (reason === "interrupted" && !cut.signal.aborted) {
        cut.abort(new Error("The run was interrupted"));
      }
      if (end) return;
      end = {
        reason,
        atMs: clock.now(),
        ...(error !== undefined && { error }),
      };
      stopped.abort();
      const limitMs = drainMs ?? (reason === "duration" ? DRAIN_MS : undefined);
      if (limitMs === undefined) return;
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
