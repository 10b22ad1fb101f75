/** Unordered collection with O(1) add and remove. */
export interface Bag<T> extends Iterable<T> {
  /** Number of items. */
  readonly size: number;
  /** Adds an item. Returns a function that removes it. */
  add(item: T): () => void;
}

/**
 * Creates an empty collection: a list in which the last item takes the place of a removed one. A `Set` with many
 * additions and removals allocates a new table now and then, and each old table points to the next: one that the
 * collector has promoted to the old generation keeps all later tables and their items alive until the next full
 * collection.
 */
export function bag<T>(): Bag<T> {
  const held: { item: T; place: number }[] = [];
  return {
    get size() {
      return held.length;
    },
    add(item) {
      const entry = { item, place: held.length };
      held.push(entry);
      return () => {
        if (entry.place < 0) return;
        const last = held.pop()!;
        if (last !== entry) {
          held[entry.place] = last;
          last.place = entry.place;
        }
        entry.place = -1;
      };
    },
    [Symbol.iterator]: () => held.map(({ item }) => item).values(),
  };
}
