/** The only source of time in a run. */
export interface Clock {
  /** Wall time at 0, in milliseconds since 1970: for labels and for joining with other logs, never for durations. */
  readonly epochMs: number;
  /** Milliseconds since the clock's 0; never goes back. */
  now(): number;
  /**
   * Runs `task` once at `atMs`, never before; soon, if that has passed. All tasks of a clock share one timer.
   *
   * @returns Call it to give the task up.
   */
  at(atMs: number, task: () => void): () => void;
  /** Resolves at `atMs`; rejects with the signal's reason if it aborts first. */
  sleepUntil(atMs: number, signal?: AbortSignal): Promise<void>;
}

/** A clock whose 0 is now. */
export function systemClock(): Clock {
  const zeroMs = performance.now();
  return clockOf(
    () => performance.now() - zeroMs,
    performance.timeOrigin + zeroMs,
  );
}

/** The same clock, counted from `zeroMs` on it. */
export function shiftClock(clock: Clock, zeroMs: number): Clock {
  return {
    epochMs: clock.epochMs + zeroMs,
    now: () => clock.now() - zeroMs,
    at: (atMs, task) => clock.at(atMs + zeroMs, task),
    sleepUntil: (atMs, signal) => clock.sleepUntil(atMs + zeroMs, signal),
  };
}

interface Task {
  readonly atMs: number;
  run: (() => void) | undefined;
}

function clockOf(now: () => number, epochMs: number): Clock {
  const heap: Task[] = [];
  let armedMs = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function arm(): void {
    while (heap[0] && heap[0].run === undefined) pop(heap);
    const nextMs = heap[0]?.atMs ?? Infinity;
    if (nextMs === armedMs) return;
    clearTimeout(timer);
    armedMs = nextMs;
    if (nextMs === Infinity) return;
    timer = setTimeout(
      fire,
      Math.min(Math.max(0, nextMs - now()), MAX_TIMER_MS),
    );
  }

  function fire(): void {
    armedMs = Infinity;
    try {
      while (heap[0] && heap[0].atMs <= now()) pop(heap)?.run?.();
    } finally {
      arm();
    }
  }

  function at(atMs: number, run: () => void): () => void {
    const task: Task = { atMs, run };
    push(heap, task);
    if (atMs < armedMs) arm();
    return () => {
      task.run = undefined;
      if (heap[0] === task) arm();
    };
  }

  return {
    epochMs,
    now,
    at,
    sleepUntil: (atMs, signal) => sleepUntil(at, atMs, signal),
  };
}

/** `setTimeout` treats anything longer as 0. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** {@linkcode Clock.sleepUntil} in terms of {@linkcode Clock.at}: for clocks of one's own, as tests have them. */
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

/** A binary heap with the earliest task at 0. */
function push(heap: Task[], task: Task): void {
  let i = heap.length;
  heap.push(task);
  while (i > 0) {
    const up = (i - 1) >> 1;
    const parent = heap[up]!;
    if (parent.atMs <= task.atMs) break;
    heap[i] = parent;
    i = up;
  }
  heap[i] = task;
}

function pop(heap: Task[]): Task | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!last || heap.length === 0) return top;
  let i = 0;
  while (true) {
    let down = 2 * i + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && heap[down + 1]!.atMs < heap[down]!.atMs) {
      down++;
    }
    if (heap[down]!.atMs >= last.atMs) break;
    heap[i] = heap[down]!;
    i = down;
  }
  heap[i] = last;
  return top;
}
