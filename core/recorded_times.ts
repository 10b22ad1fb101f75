import { UsageError } from "./errors.ts";
import type { Session } from "./request.ts";

/** The traffic that a pass over the data recorded. */
export interface RecordedTraffic {
  /** Number of sessions. */
  readonly sessions: number;
  /** Time from the first start to the last, in milliseconds. */
  readonly recordedMs: number;
}

/**
 * Start times of sessions as the data recorded them, counted from the first. Another pass over the data follows the one
 * before at the mean gap: pass k is shifted by k times the time from the first start to the last plus the mean gap.
 */
export class RecordedTimes {
  /** The first complete pass; `undefined` until it has been read. */
  recorded: RecordedTraffic | undefined;
  /** Start of this pass. */
  #shiftMs = 0;
  #firstMs = NaN;
  #lastMs = -Infinity;
  #count = 0;

  /**
   * Returns the start of the next session of the pass; `undefined` if the session cannot be used and has no time.
   *
   * @throws {UsageError} If a session has no time, or one before the last.
   */
  startOf({ id, startMs, problem }: Session): number | undefined {
    if (startMs === undefined && problem !== undefined) return undefined;
    const name = JSON.stringify(id);
    if (startMs === undefined) {
      throw new UsageError(
        `a replay starts each session at its recorded time, but ${name} has none: give a trace, such as --load replay=trace.jsonl, or name the column of the times, such as --data data.jsonl,columns.timestamp=time`,
      );
    }
    if (!Number.isFinite(startMs)) {
      throw new UsageError(
        `startMs must be a finite number, but was ${startMs} in ${name}`,
      );
    }
    if (startMs < this.#lastMs) {
      throw new UsageError(
        `recorded times must not go back, but ${name} is ${
          this.#lastMs - startMs
        } ms before the session before it: sort the data by time, without shuffle; the dataset trace sorts its rows`,
      );
    }
    if (this.#count++ === 0) this.#firstMs = startMs;
    this.#lastMs = startMs;
    return this.#shiftMs + (startMs - this.#firstMs);
  }

  /** Ends a pass. */
  endPass(): void {
    this.recorded ??= { sessions: this.#count, recordedMs: this.#spanMs };
  }

  /**
   * Begins another pass.
   *
   * @throws {UsageError} If all sessions have the same time, so that the passes would have no length.
   */
  nextPass(): void {
    const spanMs = this.#spanMs;
    if (this.#count > 0 && spanMs === 0) {
      const found = this.#count === 1
        ? "there is only one"
        : `all ${this.#count} are the same`;
      throw new UsageError(
        `data that a replay reads again must have two times at least, but ${found}: without a duration or a number of requests it is read once`,
      );
    }
    if (this.#count > 0) this.#shiftMs += spanMs + spanMs / (this.#count - 1);
    this.#firstMs = NaN;
    this.#lastMs = -Infinity;
    this.#count = 0;
  }

  get #spanMs(): number {
    return this.#count === 0 ? 0 : this.#lastMs - this.#firstMs;
  }
}
