/** A function to run at a time. */
export interface Task {
  readonly atMs: number;
  readonly run: () => void;
  /** Number of tasks added before it: tasks of the same time run in this order. */
  readonly order: number;
  /** Index in the heap; −1 once it was removed. */
  place: number;
}

/**
 * Queue of tasks by time, for real and manual clocks: a binary heap whose tasks know their place, so that a cancelled one
 * leaves at once. Most timeouts are cancelled, and the heap would otherwise hold thousands that have no use.
 */
export class TaskQueue {
  readonly #heap: Task[] = [];
  /** Number of tasks ever added. */
  added = 0;

  /** Number of tasks that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest task. */
  peek(): Task | undefined {
    return this.#heap[0];
  }

  /** @throws {RangeError} If `atMs` is NaN. */
  add(atMs: number, run: () => void): Task {
    if (Number.isNaN(atMs)) {
      throw new RangeError("atMs must be a number, but was NaN");
    }
    const place = this.#heap.length;
    const task: Task = { atMs, run, order: this.added++, place };
    this.#heap.push(task);
    this.#rise(task);
    return task;
  }

  /** Removes a task, wherever it is. It has no effect on a task that was removed. */
  remove(task: Task): void {
    if (task.place < 0) return;
    const last = this.#heap.pop()!;
    if (last !== task) {
      this.#put(last, task.place);
      this.#rise(last);
      this.#sink(last);
    }
    task.place = -1;
  }

  #put(task: Task, place: number): void {
    this.#heap[place] = task;
    task.place = place;
  }

  #swap(upper: Task, lower: Task): void {
    const { place } = lower;
    this.#put(lower, upper.place);
    this.#put(upper, place);
  }

  #rise(task: Task): void {
    while (task.place > 0) {
      const parent = this.#heap[(task.place - 1) >> 1]!;
      if (!isBefore(task, parent)) return;
      this.#swap(parent, task);
    }
  }

  #sink(task: Task): void {
    while (true) {
      const left = this.#heap[2 * task.place + 1];
      const right = this.#heap[2 * task.place + 2];
      const child = left && right && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, task)) return;
      this.#swap(task, child);
    }
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
