/** A limited amount, such as bytes of memory, that tasks share in their order. */
export interface Budget {
  /** Runs a task when there is enough left for it. A task that needs more than the maximum runs alone. */
  run<T>(amount: number, task: () => Promise<T>): Promise<T>;
}

/** Creates a budget. */
export function openBudget(max: number): Budget {
  const waiting: { readonly amount: number; begin(): void }[] = [];
  let used = 0;

  function next(): void {
    const [first] = waiting;
    if (first === undefined || used + first.amount > max) return;
    waiting.shift();
    used += first.amount;
    first.begin();
    next();
  }

  return {
    async run(wanted, task) {
      const amount = Math.min(wanted, max);
      const { promise, resolve: begin } = Promise.withResolvers<void>();
      waiting.push({ amount, begin });
      next();
      await promise;
      try {
        return await task();
      } finally {
        used -= amount;
        next();
      }
    },
  };
}
