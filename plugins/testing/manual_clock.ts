import { type Clock, sleepUntil } from "../../core/clock.ts";
import { TaskQueue } from "../../lib/task_heap.ts";

/** A clock whose time moves only when a test moves it. */
export interface ManualClock extends Clock {
  /** Number of tasks that are scheduled, sleeps included. */
  readonly pending: number;
  /** Time of the next task; undefined if no task is scheduled. */
  readonly nextMs: number | undefined;
  /**
   * Moves time forward. Each task on the way runs at its own time, in order, and everything that follows from it
   * (promises, microtasks, and the tasks that these schedule) settles before time moves on.
   *
   * @throws {RangeError} If `ms` is negative or not finite.
   * @throws The error of a task, after time has moved; an `AggregateError` if several tasks failed.
   */
  advance(ms: number): Promise<void>;
  /** Moves time to `atMs`, as `advance` does. If that is in the past, only lets promises settle. */
  advanceTo(atMs: number): Promise<void>;
  /** Moves time to the next task and runs every task that is due then. Returns whether there was a task. */
  tick(): Promise<boolean>;
  /** Lets promises settle and runs the tasks that are due, without moving time. */
  settle(): Promise<void>;
}

/** Options of {@linkcode manualClock}. */
export interface ManualClockOptions {
  /** Initial time, in milliseconds. @default {0} */
  readonly nowMs?: number;
  /** Wall time when the clock is at 0, in milliseconds since 1970. @default {0} */
  readonly epochMs?: number;
}

/**
 * Creates a clock for tests. Its time moves only when the test moves it, so that tests are fast and deterministic.
 *
 * @example Usage
 * ```ts
 * import { manualClock } from "@earshot/earshot/testing";
 *
 * const clock = manualClock();
 * const seen: number[] = [];
 * clock.at(30, () => seen.push(clock.now()));
 * clock.at(10, () => seen.push(clock.now()));
 * await clock.advance(100);
 * // seen is [10, 30], and clock.now() is 100
 * ```
 */
export function manualClock(
  { nowMs = 0, epochMs = 0 }: ManualClockOptions = {},
): ManualClock {
  const queue = new TaskQueue();
  let currentMs = nowMs;

  const at: Clock["at"] = (atMs, run) => {
    const task = queue.add(atMs, run);
    return () => queue.remove(task);
  };

  async function advanceTo(atMs: number): Promise<void> {
    const errors: unknown[] = [];
    await settled();
    for (let task = queue.peek(); task; task = queue.peek()) {
      if (task.atMs > Math.max(atMs, currentMs)) break;
      queue.remove(task);
      currentMs = Math.max(currentMs, task.atMs);
      try {
        task.run();
      } catch (error) {
        errors.push(error);
      }
      await settled();
    }
    currentMs = Math.max(currentMs, atMs);
    rethrow(errors);
  }

  return {
    epochMs,
    now: () => currentMs,
    at,
    sleepUntil: (atMs, signal) => sleepUntil(at, atMs, signal),
    get pending() {
      return queue.size;
    },
    get nextMs() {
      return queue.peek()?.atMs;
    },
    async advance(ms) {
      check(ms);
      await advanceTo(currentMs + ms);
    },
    advanceTo,
    async tick() {
      await settled();
      const task = queue.peek();
      if (task) await advanceTo(task.atMs);
      return task !== undefined;
    },
    settle: () => advanceTo(currentMs),
  };
}

/** Waits for one iteration of the event loop, by which every promise chain without input or output has settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function check(ms: number): void {
  if (!(ms >= 0 && ms < Infinity)) {
    throw new RangeError(
      `ms must be a number from 0 on, but was ${ms}`,
    );
  }
}

function rethrow(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    throw new AggregateError(errors, `${errors.length} tasks failed`);
  }
}
