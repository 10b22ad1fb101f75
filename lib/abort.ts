import { type Bag, bag } from "./unordered.ts";

/** What is to be done at each signal's abort. */
const waiting = new WeakMap<AbortSignal, Bag<() => void>>();

/**
 * Runs `task` when the signal aborts; at once, if it has. One listener serves a signal, however many requests share
 * it: adding and removing one for each would take longer than the engine's other work on a request.
 *
 * @returns Call it when the task is wanted no more.
 */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  if (signal.aborted) {
    task();
    return () => {};
  }
  const tasks = waiting.get(signal) ?? listen(signal);
  return tasks.add(task);
}

function listen(signal: AbortSignal): Bag<() => void> {
  const tasks = bag<() => void>();
  waiting.set(signal, tasks);
  signal.addEventListener("abort", () => {
    waiting.delete(signal);
    for (const task of tasks) task();
  }, { once: true });
  return tasks;
}
