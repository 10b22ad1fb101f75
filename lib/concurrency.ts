/** A limited amount, such as bytes of memory, that tasks take in the order in which they were added. */
export class Budget {
  readonly #max: number;
  readonly #waiting: { readonly amount: number; begin(): void }[] = [];
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Runs a task when there is enough left for it. A task that needs more than the maximum runs alone. */
  async run<T>(wanted: number, task: () => Promise<T>): Promise<T> {
    const amount = Math.min(wanted, this.#max);
    const { promise, resolve: begin } = Promise.withResolvers<void>();
    this.#waiting.push({ amount, begin });
    this.#beginNext();
    await promise;
    try {
      return await task();
    } finally {
      this.#used -= amount;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    for (let first; (first = this.#waiting[0]) !== undefined;) {
      if (this.#used + first.amount > this.#max) return;
      this.#waiting.shift();
      this.#used += first.amount;
      first.begin();
    }
  }
}

/** Tasks in progress, to count them and to wait for all. */
export class TaskGroup {
  /** Number of tasks in progress. */
  size = 0;
  #failure: { readonly error: unknown } | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Adds a task that has begun. */
  add(task: Promise<void>): void {
    this.size++;
    task.catch((error) => this.#failure ??= { error }).then(() => {
      if (--this.size === 0) this.#drained?.resolve();
    });
  }

  /** Resolves when no task is in progress. Rejects with the error of the first task that failed. */
  async settled(): Promise<void> {
    while (this.size > 0) {
      this.#drained = Promise.withResolvers();
      await this.#drained.promise;
    }
    if (this.#failure) throw this.#failure.error;
  }
}

/** Options of {@linkcode readAhead}. */
export interface ReadAheadOptions {
  /** Largest number of items in progress or ready. */
  readonly ahead: number;
  readonly signal: AbortSignal;
}

/** Maps items in order and begins some of them before they are requested. When it ends, nothing is in progress. */
export async function* readAhead<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  begin: (item: Item) => Promise<Result>,
  { ahead, signal }: ReadAheadOptions,
): AsyncGenerator<Result, void> {
  const source = (async function* () {
    yield* items;
  })();
  const begun: Promise<Result>[] = [];
  let more = true;
  try {
    while (!signal.aborted) {
      while (more && begun.length < ahead) {
        const next = await source.next();
        if (next.done) more = false;
        else {
          const result = begin(next.value);
          result.catch(() => {}); // its failure is thrown later, when its item is next
          begun.push(result);
        }
      }
      const first = begun.shift();
      if (!first) return;
      yield await first;
    }
  } finally {
    await Promise.allSettled(begun);
    await source.return();
  }
}
