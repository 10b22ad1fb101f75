import { UnorderedList } from "./unordered.ts";

/** A function to call with the reason of an abort. */
export type AbortTask = (reason: unknown) => void;

const tasksOf = new WeakMap<AbortSignal, UnorderedList<AbortTask>>();

/**
 * Runs `task` when the signal aborts, or at once if it has aborted. All tasks of a signal share one listener, for
 * signals that thousands of requests share: adding and removing a listener for each takes longer than the engine's other
 * work on it.
 *
 * @returns A function that removes the task.
 */
export function onAbort(signal: AbortSignal, task: AbortTask): () => void {
  if (signal.aborted) {
    task(signal.reason);
    return () => {};
  }
  return (tasksOf.get(signal) ?? listen(signal)).add(task);
}

function listen(signal: AbortSignal): UnorderedList<AbortTask> {
  const tasks = new UnorderedList<AbortTask>();
  tasksOf.set(signal, tasks);
  signal.addEventListener("abort", () => {
    tasksOf.delete(signal);
    for (const task of tasks) task(signal.reason);
  }, { once: true });
  return tasks;
}

/** Settles as the promise does, but rejects at once if the signal aborts. */
export function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const remove = onAbort(signal, () => reject(signal.reason));
  return Promise.race([promise, aborted]).finally(remove);
}

/**
 * Aborts together with a shared signal, or alone. It costs a fraction of an `AbortController`, and creates one only when
 * {@linkcode Abort.signal} is read.
 */
export class Abort {
  readonly #tasks: AbortTask[] = [];
  readonly #unlink: () => void;
  #controller: AbortController | undefined;
  aborted = false;
  /** The reason given to {@linkcode abort}, or the shared signal's. */
  reason: unknown;

  constructor(shared: AbortSignal) {
    this.#unlink = onAbort(shared, (reason) => this.abort(reason));
  }

  /** The same abort as a signal, which is created when it is first read. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.aborted) this.#controller.abort(this.reason);
    return this.#controller.signal;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const task of this.#tasks.splice(0)) task(reason);
    this.#controller?.abort(reason);
  }

  /** Runs `task` at the abort, or at once if that has happened. Returns a function that removes the task. */
  onAbort(task: AbortTask): () => void {
    if (this.aborted) {
      task(this.reason);
      return () => {};
    }
    this.#tasks.push(task);
    return () => {
      const index = this.#tasks.indexOf(task);
      if (index >= 0) this.#tasks.splice(index, 1);
    };
  }

  /** Stops following the shared signal. */
  unlink(): void {
    this.#unlink();
  }
}
