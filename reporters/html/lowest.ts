/**
 * The items with the lowest keys, at most a number of them: of the same items the same ones, whatever their order. Of
 * equal keys the one with the lower id comes first.
 */
export class Lowest<T> {
  readonly #limit: number;
  /** In ascending order. */
  readonly #entries: { key: number; id: number; item: T }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds an item, which is made only if it is among the lowest so far. */
  add(key: number, id: number, make: () => T): void {
    const entries = this.#entries;
    const last = entries.at(-1);
    const isFull = entries.length >= this.#limit;
    if (isFull && !(last && isBefore({ key, id }, last))) return;
    let at = entries.length;
    while (at > 0 && isBefore({ key, id }, entries[at - 1]!)) at--;
    if (isFull) entries.pop();
    entries.splice(at, 0, { key, id, item: make() });
  }

  /** The items in ascending order of their keys, at most a number of them. */
  items(limit = Infinity): T[] {
    return this.#entries.slice(0, limit).map(({ item }) => item);
  }
}

interface Place {
  readonly key: number;
  readonly id: number;
}

function isBefore(a: Place, b: Place): boolean {
  return a.key < b.key || (a.key === b.key && a.id < b.id);
}
