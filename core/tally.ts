import type { Progress } from "./report.ts";
import type { Sample } from "./sample.ts";

/** How a stage stands: counted as things happen, warm-up included. */
export interface Tally {
  /** A request starts. */
  started(): void;
  /** A request has ended. */
  ended(sample: Sample): void;
  /** An arrival was not started. */
  dropped(): void;
  /** What stands. */
  readonly counts: Progress["counts"];
  /** Requests in flight. */
  readonly inFlight: number;
  /** Answered a second over the last seconds. */
  requestsPerSecond(nowMs: number): number;
}

/** Rates are told over the last so many milliseconds. */
const SPAN_MS = 5000;

/** Makes one at 0. */
export function tally(startMs: number): Tally {
  const counts = { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 0 };
  let inFlight = 0;
  let answered: number[] = [];
  return {
    counts,
    get inFlight() {
      return inFlight;
    },
    started: () => void inFlight++,
    ended({ outcome: { status }, endedMs }) {
      inFlight--;
      counts[status]++;
      if (status === "ok") answered.push(endedMs);
    },
    dropped: () => void counts.dropped++,
    requestsPerSecond(nowMs) {
      answered = answered.filter((atMs) => atMs > nowMs - SPAN_MS);
      const spanMs = Math.min(SPAN_MS, nowMs - startMs);
      return spanMs > 0 ? answered.length * 1000 / spanMs : 0;
    },
  };
}
