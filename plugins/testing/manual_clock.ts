import { type Clock, sleepUntil } from "../../core/clock.ts";
import { taskQueue } from "../../lib/task_heap.ts";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Tasks that wait for their time, sleeps included: 0 when nothing was left behind. */
  readonly pending: number;
  /** When the next task is due; `undefined` when none waits. */
  readonly nextMs: number | undefined;
  /**
   * Moves time forward. Each task on the way runs at its own time, in order, and what follows from it
   * (promises, microtasks, whatever these schedule) settles before time goes on.
   *
   * @throws {RangeError} If `ms` is negative or not finite.
   * @throws What a task threw, after time has moved all the same; an `AggregateError` if several did.
   */
  advance(ms: number): Promise<void>;
  /** Moves time to `atMs`, as `advance` does; lets promises settle if that has passed. */
  advanceTo(atMs: number): Promise<void>;
  /** Moves time to the next task and runs all that are due then. Returns whether there was one. */
  tick(): Promise<boolean>;
  /** Lets promises settle and runs what is due, without moving time. */
  settle(): Promise<void>;
}

/** Where a manual clock begins. */
export interface ManualClockOptions {
  /** What it shows at first, in milliseconds. @default {0} */
  readonly nowMs?: number;
  /** Wall time at its 0, in milliseconds since 1970. @default {0} */
  readonly epochMs?: number;
}

/**
 * A clock for tests: time goes only where the test sends it, so that nothing waits and nothing is left to chance.
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
  const queue = taskQueue();
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

/** A turn of the event loop: every promise chain that needs no input or output has run to its end by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function check(ms: number): void {
  if (!(ms >= 0 && ms < Infinity)) {
    throw new RangeError(
      `Cannot advance the clock as 'ms' must be a number from 0 on: current value is ${ms}`,
    );
  }
}

function rethrow(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    throw new AggregateError(errors, `${errors.length} tasks failed`);
  }
}
