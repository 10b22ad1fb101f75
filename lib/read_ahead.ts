/** How far to read ahead, and when to stop. */
export interface ReadAheadOptions {
  /** Items that may be under way or waiting at a time. */
  readonly ahead: number;
  readonly signal: AbortSignal;
}

/** Maps in order, beginning some items before they are asked for. Leaves nothing under way when it ends. */
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

/** Its failure is met when its turn comes; until then nobody looks. */
function handled<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {});
  return promise;
}
