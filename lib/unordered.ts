/** Things in no order, of which many come and go. */
export interface Bag<T> extends Iterable<T> {
  /** How many there are. */
  readonly size: number;
  /** Puts one in. Returns how to take it out again, once. */
  add(item: T): () => void;
}

/**
 * A list in which the last one takes the place of one that leaves. A `Set` that is added to and deleted from without
 * end makes a new table now and then, and each old one points to the next: one that the collector has moved among the
 * old keeps all that follow alive, with everything in them, until the next full collection.
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
