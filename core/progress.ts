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
  /** How many were answered when somebody asked, the oldest just outside the span. */
  const marks = [{ atMs: startMs, ok: 0 }];
  return {
    counts,
    get inFlight() {
      return inFlight;
    },
    started: () => void inFlight++,
    ended({ outcome: { status } }) {
      inFlight--;
      counts[status]++;
    },
    dropped: () => void counts.dropped++,
    requestsPerSecond(nowMs) {
      while (marks[1] && marks[1].atMs <= nowMs - SPAN_MS) marks.shift();
      const { atMs, ok } = marks[0]!;
      marks.push({ atMs: nowMs, ok: counts.ok });
      return nowMs > atMs ? (counts.ok - ok) * 1000 / (nowMs - atMs) : 0;
    },
  };
}
