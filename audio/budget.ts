/** Room for so many bytes, that is given in the order in which it is asked for. */
export interface ByteBudget {
  /** Runs a task when there is room for it; one that needs more than there ever is runs alone. */
  run<T>(bytes: number, task: () => Promise<T>): Promise<T>;
}

/** A budget of `maxBytes`. */
export function byteBudget(maxBytes: number): ByteBudget {
  const waiting: { readonly bytes: number; begin(): void }[] = [];
  let used = 0;

  function next(): void {
    const [first] = waiting;
    if (first === undefined || used + first.bytes > maxBytes) return;
    waiting.shift();
    used += first.bytes;
    first.begin();
    next();
  }

  return {
    async run(wanted, task) {
      const bytes = Math.min(wanted, maxBytes);
      const { promise, resolve: begin } = Promise.withResolvers<void>();
      waiting.push({ bytes, begin });
      next();
      await promise;
      try {
        return await task();
      } finally {
        used -= bytes;
        next();
      }
    },
  };
}
