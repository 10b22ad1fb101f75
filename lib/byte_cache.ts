/** Cache of values by id, limited by size. Concurrent requests for an id share one computation. */
export interface ByteCache<T> {
  /** Returns the value of an id, computed if it is not cached. Failures are not cached. */
  get(id: string, compute: () => Promise<T>): Promise<T>;
}

/**
 * Creates a cache that keeps at most `maxBytes`, as `sizeOf` measures them, and drops the least recently used values
 * first. The latest value is always kept.
 */
export function byteCache<T>(
  maxBytes: number,
  sizeOf: (value: T) => number,
): ByteCache<T> {
  /** In order of use. */
  const kept = new Map<string, T>();
  const pending = new Map<string, Promise<T>>();
  let bytes = 0;

  function keep(id: string, value: T): void {
    kept.set(id, value);
    bytes += sizeOf(value);
    for (const [oldestId, oldest] of kept) {
      if (bytes <= maxBytes || kept.size === 1) break;
      kept.delete(oldestId);
      bytes -= sizeOf(oldest);
    }
  }

  function start(id: string, compute: () => Promise<T>): Promise<T> {
    const value = compute()
      .then((value) => (keep(id, value), value))
      .finally(() => pending.delete(id));
    pending.set(id, value);
    return value;
  }

  return {
    get(id, compute) {
      const found = kept.get(id);
      if (found === undefined) return pending.get(id) ?? start(id, compute);
      kept.delete(id);
      kept.set(id, found);
      return Promise.resolve(found);
    },
  };
}
