/** Something to be done at a time. */
export interface Task {
  readonly atMs: number;
  readonly run: () => void;
  /** Counts up with each task: equal times go in the order in which they came. */
  readonly order: number;
  /** Where it stands in the heap; −1 when it no longer does. */
  place: number;
}

/** Tasks by time: what clocks, real and manual, are made of. */
export interface TaskQueue {
  /** Tasks waiting. */
  readonly size: number;
  /** How many tasks have ever been added. */
  readonly added: number;
  /** The earliest task. */
  peek(): Task | undefined;
  add(atMs: number, run: () => void): Task;
  /** Takes a task out, wherever it stands; nothing, if it is out already. */
  remove(task: Task): void;
}

/**
 * A binary heap whose tasks know their place, so that one given up leaves at once: timeouts are nearly
 * always given up, and thousands of dead ones would be carried along otherwise.
 */
export function taskQueue(): TaskQueue {
  const heap: Task[] = [];
  let added = 0;
  return {
    get size() {
      return heap.length;
    },
    get added() {
      return added;
    },
    peek: () => heap[0],
    add(atMs, run) {
      if (Number.isNaN(atMs)) {
        throw new RangeError(
          "atMs must be a number, but was NaN",
        );
      }
      const task: Task = { atMs, run, order: added++, place: heap.length };
      heap.push(task);
      rise(heap, task);
      return task;
    },
    remove(task) {
      if (task.place < 0) return;
      const last = heap.pop()!;
      if (last !== task) {
        put(heap, last, task.place);
        rise(heap, last);
        sink(heap, last);
      }
      task.place = -1;
    },
  };
}

function before(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function put(heap: Task[], task: Task, place: number): void {
  heap[place] = task;
  task.place = place;
}

function rise(heap: Task[], task: Task): void {
  while (task.place > 0) {
    const place = task.place;
    const parent = heap[(place - 1) >> 1]!;
    if (!before(task, parent)) return;
    put(heap, task, parent.place);
    put(heap, parent, place);
  }
}

function sink(heap: Task[], task: Task): void {
  while (true) {
    const place = task.place;
    const left = heap[2 * place + 1];
    const right = heap[2 * place + 2];
    const child = left && right && before(right, left) ? right : left;
    if (!child || !before(child, task)) return;
    put(heap, task, child.place);
    put(heap, child, place);
  }
}
