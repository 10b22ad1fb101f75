import { addTo } from "../lib/record.ts";
import type { Sample } from "./sample.ts";

/** Span of the rate that is shown, in milliseconds. */
const SPAN_MS = 5000;

/** Number of requests answered by a time. */
interface Mark {
  readonly atMs: number;
  readonly ok: number;
}

/** Counts of a running stage, warm-up included. */
export class Tally {
  /** Requests by their end. */
  readonly counts = { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 0 };
  /** Requests in flight. */
  inFlight = 0;
  /** One for each reading of the rate. The oldest is just outside the span. */
  #marks: Mark[];

  constructor(startMs: number) {
    this.#marks = [{ atMs: startMs, ok: 0 }];
  }

  /** Counts a request that starts. */
  started(): void {
    this.inFlight++;
  }

  /** Counts a request that has ended. */
  ended({ outcome: { status } }: Sample): void {
    this.inFlight--;
    this.counts[status]++;
  }

  /** Counts an arrival that was not started. */
  dropped(): void {
    this.counts.dropped++;
  }

  /** Requests answered per second over the last seconds. */
  requestsPerSecond(nowMs: number): number {
    const marks = this.#marks;
    while (marks[1] && marks[1].atMs <= nowMs - SPAN_MS) marks.shift();
    const { atMs, ok } = marks[0]!;
    marks.push({ atMs: nowMs, ok: this.counts.ok });
    return nowMs > atMs ? (this.counts.ok - ok) * 1000 / (nowMs - atMs) : 0;
  }

  /** Adds the counts of another part of the same stage. */
  merge(other: Tally): void {
    const times = [...this.#marks, ...other.#marks].map(({ atMs }) => atMs);
    this.#marks = times.sort((a, b) => a - b).map((atMs) => ({
      atMs,
      ok: answeredBy(atMs, this.#marks) + answeredBy(atMs, other.#marks),
    }));
    this.inFlight += other.inFlight;
    addTo(this.counts, other.counts);
  }
}

/** Number answered by a time, interpolated between two marks. */
function answeredBy(timeMs: number, marks: readonly Mark[]): number {
  const at = marks.findIndex(({ atMs }) => atMs >= timeMs);
  const [before, after] = [marks[at - 1], marks[at]];
  if (!after) return marks.at(-1)!.ok;
  if (!before) return after.ok;
  const share = (timeMs - before.atMs) / (after.atMs - before.atMs);
  return before.ok + share * (after.ok - before.ok);
}
