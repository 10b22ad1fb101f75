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
        else begun.push(handled(begin(next.value)));
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

/** Marks a promise as handled: its failure is thrown later, when its item is next. */
function handled<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {});
  return promise;
}
