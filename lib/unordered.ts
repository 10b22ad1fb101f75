/**
 * Unordered collection with O(1) add and remove, for items that come and go with each request: the last item takes the
 * place of a removed one. A `Set` allocates a new table after many additions and removals, and each old table points to
 * the next: once the garbage collector has promoted one to the old generation, all later tables and their items stay
 * until the next full collection.
 */
export class UnorderedList<T> implements Iterable<T> {
  readonly #entries: { readonly item: T; place: number }[] = [];

  /** Number of items. */
  get size(): number {
    return this.#entries.length;
  }

  /** Adds an item. Returns a function that removes it. */
  add(item: T): () => void {
    const entries = this.#entries;
    const entry = { item, place: entries.length };
    entries.push(entry);
    return () => {
      if (entry.place < 0) return;
      const last = entries.pop()!;
      if (last !== entry) {
        entries[entry.place] = last;
        last.place = entry.place;
      }
      entry.place = -1;
    };
  }

  /** Iterates over the items that are there now: removing one meanwhile has no effect. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#entries.map(({ item }) => item).values();
  }
}
