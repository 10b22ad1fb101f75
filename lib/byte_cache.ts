/** What is made of media, by id: each made once, shared by all that send it, the longest unused let go. */
export interface ByteCache<T> {
  /** What is kept under `id`, made now if it is not there. A failure is not kept. */
  get(id: string, make: () => Promise<T>): Promise<T>;
}

/** Keeps at most `maxBytes` by what `sizeOf` says, beside the latest and what is being sent. */
export function byteCache<T>(
  maxBytes: number,
  sizeOf: (made: T) => number,
): ByteCache<T> {
  /** In order of use. */
  const kept = new Map<string, T>();
  const underWay = new Map<string, Promise<T>>();
  let bytes = 0;

  function keep(id: string, made: T): void {
    kept.set(id, made);
    bytes += sizeOf(made);
    for (const [oldest, old] of kept) {
      if (bytes <= maxBytes || kept.size === 1) break;
      kept.delete(oldest);
      bytes -= sizeOf(old);
    }
  }

  function begin(id: string, make: () => Promise<T>): Promise<T> {
    const made = make()
      .then((made) => (keep(id, made), made))
      .finally(() => underWay.delete(id));
    underWay.set(id, made);
    return made;
  }

  return {
    get(id, make) {
      const found = kept.get(id);
      if (found === undefined) return underWay.get(id) ?? begin(id, make);
      kept.delete(id);
      kept.set(id, found);
      return Promise.resolve(found);
    },
  };
}
