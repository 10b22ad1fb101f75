import { type Libc, libc } from "../lib/libc.ts";
import { TaskQueue } from "../lib/task_heap.ts";

/** The only source of time in a run. */
export interface Clock {
  /** Wall time at 0, in milliseconds since 1970: for labels and for joining with other logs, never for durations. */
  readonly epochMs: number;
  /** Milliseconds since the clock's 0; never goes back. */
  now(): number;
  /**
   * Runs `task` once at `atMs`, never before; soon, if that has passed. Tasks of the same time run in the order in which
   * they were added. All tasks of a clock share one timer.
   *
   * @returns A function that cancels the task.
   * @throws {RangeError} If `atMs` is not a number.
   */
  at(atMs: number, task: () => void): () => void;
  /** Resolves at `atMs`; rejects with the signal's reason if it aborts first. */
  sleepUntil(atMs: number, signal?: AbortSignal): Promise<void>;
  /**
   * The same within half a millisecond, where timers are later: for one sleep at a time, as it takes a thread. Absent
   * where the system does not allow it.
   */
  sleepExactlyUntil?(atMs: number, signal?: AbortSignal): Promise<void>;
}

/** Creates a clock whose 0 is now. */
export function systemClock(): Clock {
  const zeroMs = performance.now();
  const now = () => performance.now() - zeroMs;
  const queue = new TaskQueue();
  let armedMs = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let firing = false;
  /** Start of the current or last round of tasks. */
  let roundMs = 0;

  function arm(): void {
    const nextMs = queue.peek()?.atMs ?? Infinity;
    if (firing || nextMs === armedMs) return;
    clearTimeout(timer);
    armedMs = nextMs;
    if (nextMs === Infinity) return;
    const delayMs = Math.max(0, nextMs - now());
    timer = setTimeout(fire, Math.min(delayMs, MAX_TIMER_MS));
  }

  /**
   * Runs the tasks that are due. Tasks that these add wait for the next round, so that the event loop can run, and come
   * after those due in this one: a task that is late, and adds the next one late as well, delays no other.
   */
  function fire(): void {
    const known = queue.added;
    armedMs = Infinity;
    roundMs = now();
    firing = true;
    try {
      let task = queue.peek();
      while (task && task.order < known && task.atMs <= now()) {
        queue.remove(task);
        task.run();
        task = queue.peek();
      }
    } finally {
      firing = false;
      arm();
    }
  }

  function at(atMs: number, run: () => void): () => void {
    const task = queue.add(firing ? Math.max(atMs, roundMs) : atMs, run);
    arm();
    return () => {
      queue.remove(task);
      arm();
    };
  }

  return {
    epochMs: performance.timeOrigin + zeroMs,
    now,
    at,
    sleepUntil: (atMs, signal) => sleepUntil(at, atMs, signal),
    ...(libc && { sleepExactlyUntil: exactSleep(libc, now, at) }),
  };
}

/** Longest sleep that a thread is taken for, in milliseconds: no timer is later than this. */
const EXACT_MS = 3;

/** Leaves the last part of a sleep to a thread in the C library, which wakes within 0.3 ms. Timers are up to 2 ms late. */
function exactSleep(
  { usleep }: Libc,
  now: Clock["now"],
  at: Clock["at"],
): Clock["sleepUntil"] {
  return async (atMs, signal) => {
    // A time that is not a number is refused there.
    if (!(atMs - now() <= EXACT_MS)) {
      await sleepUntil(at, atMs - EXACT_MS, signal);
    }
    for (let leftMs = atMs - now(); leftMs > 0; leftMs = atMs - now()) {
      await usleep(Math.ceil(leftMs * 1000));
    }
    signal?.throwIfAborted();
  };
}

/** Returns the same clock with its 0 moved to `zeroMs`. */
export function shiftClock(clock: Clock, zeroMs: number): Clock {
  // Rounded up: a task must not run an instant before its time, by this clock.
  function unshifted(atMs: number): number {
    const sum = atMs + zeroMs;
    return sum - zeroMs < atMs ? sum + Math.abs(sum) * Number.EPSILON : sum;
  }
  return {
    epochMs: clock.epochMs + zeroMs,
    now: () => clock.now() - zeroMs,
    at: (atMs, task) => clock.at(unshifted(atMs), task),
    sleepUntil: (atMs, signal) => clock.sleepUntil(unshifted(atMs), signal),
    ...(clock.sleepExactlyUntil && {
      sleepExactlyUntil: (atMs, signal) =>
        clock.sleepExactlyUntil!(unshifted(atMs), signal),
    }),
  };
}

/** `setTimeout` treats anything longer as 0. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Implements {@linkcode Clock.sleepUntil} with {@linkcode Clock.at}, for other clocks, such as those of tests. */
export function sleepUntil(
  at: Clock["at"],
  atMs: number,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = at(atMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
