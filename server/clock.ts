/** The server's time and timers; the only reader of time in it. */
export interface ServerClock {
  /** Milliseconds since 1970 with fraction, comparable to any other process of the machine; never goes back. */
  now(): number;
  /**
   * Runs `task` once at `atMs`, never before; soon, if that has passed. All tasks share one timer.
   *
   * @returns Call it to give the task up.
   */
  at(atMs: number, task: () => void): () => void;
  /** Gives every task up. */
  stop(): void;
}

/** A clock on the machine's monotonic time, tied to wall time once, at the start. */
export function serverClock(): ServerClock {
  return clockOf(
    () => performance.timeOrigin + performance.now(),
    setTimer,
  );
}

/** Sets a timer; returns how to clear it. */
export type SetTimer = (delayMs: number, task: () => void) => () => void;

/** A clock over any source of time: tests have one that they turn by hand. */
export function clockOf(now: () => number, setTimer: SetTimer): ServerClock {
  const heap: Task[] = [];
  let added = 0;
  let armedMs = Infinity;
  let firing = false;
  let clear = () => {};

  function arm(): void {
    while (heap[0] && heap[0].run === undefined) pop(heap);
    const nextMs = heap[0]?.atMs ?? Infinity;
    if (firing || nextMs === armedMs) return;
    clear();
    armedMs = nextMs;
    clear = nextMs === Infinity
      ? () => {}
      : setTimer(Math.min(Math.max(0, nextMs - now()), MAX_TIMER_MS), fire);
  }

  /** Runs what is due. What these tasks add waits for the next round, so that what was sent may leave meanwhile. */
  function fire(): void {
    const known = added;
    armedMs = Infinity;
    firing = true;
    try {
      while (heap[0] && heap[0].order < known && heap[0].atMs <= now()) {
        pop(heap)?.run?.();
      }
    } finally {
      firing = false;
      arm();
    }
  }

  return {
    now,
    at(atMs, run) {
      const task: Task = { atMs, order: added++, run };
      push(heap, task);
      if (atMs < armedMs) arm();
      return () => {
        task.run = undefined;
        if (heap[0] === task) arm();
      };
    },
    stop() {
      heap.length = 0;
      arm();
    },
  };
}

/** `setTimeout` treats anything longer as 0. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function setTimer(delayMs: number, task: () => void): () => void {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
}

interface Task {
  readonly atMs: number;
  /** Counts up with each task. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** A binary heap with the earliest task at 0. */
function push(heap: Task[], task: Task): void {
  let i = heap.push(task) - 1;
  for (let up = (i - 1) >> 1; i > 0; i = up, up = (i - 1) >> 1) {
    const parent = heap[up]!;
    if (parent.atMs <= task.atMs) break;
    heap[i] = parent;
    heap[up] = task;
  }
}

function pop(heap: Task[]): Task | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!last || heap.length === 0) return top;
  let i = 0;
  for (let down = 1; down < heap.length; down = 2 * i + 1) {
    const right = heap[down + 1];
    if (right && right.atMs < heap[down]!.atMs) down++;
    const child = heap[down]!;
    if (child.atMs >= last.atMs) break;
    heap[i] = child;
    i = down;
  }
  heap[i] = last;
  return top;
}
