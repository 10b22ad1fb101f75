/** Joins byte arrays. A single one is returned without a copy. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Divides bytes after each line feed. A line that spans several chunks is copied once. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0, end: number;
    while ((end = chunk.indexOf(LINE_FEED, start)) >= 0) {
      parts.push(chunk.subarray(start, end + 1));
      yield concatBytes(parts);
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.slice(start));
  }
  if (parts.length > 0) yield concatBytes(parts);
}

const LINE_FEED = 10;

/**
 * Reads the body of a response.
 *
 * @param onPart Called whenever some of it arrives.
 * @throws {Error} If it is larger than `maxBytes`.
 */
export async function readBody(
  { body }: Response,
  maxBytes: number,
  onPart?: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    onPart?.();
    size += part.length;
    if (size > maxBytes) {
      throw new Error(`it must have at most ${maxBytes} bytes, but has more`);
    }
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/**
 * Cache of values by id, limited by their size. It drops the least recently used values first, and always keeps the
 * latest.
 */
export class ByteCache<T> {
  readonly #maxBytes: number;
  readonly #sizeOf: (value: T) => number;
  /** In order of use. */
  readonly #kept = new Map<string, T>();
  readonly #pending = new Map<string, Promise<T>>();
  #bytes = 0;

  constructor(maxBytes: number, sizeOf: (value: T) => number) {
    this.#maxBytes = maxBytes;
    this.#sizeOf = sizeOf;
  }

  /**
   * Returns the value of an id, computed if it is not cached. Concurrent calls for an id share one computation. Failures
   * are not cached.
   */
  get(id: string, compute: () => Promise<T>): Promise<T> {
    const found = this.#kept.get(id);
    if (found === undefined) {
      return this.#pending.get(id) ?? this.#start(id, compute);
    }
    this.#kept.delete(id);
    this.#kept.set(id, found);
    return Promise.resolve(found);
  }

  #start(id: string, compute: () => Promise<T>): Promise<T> {
    const value = compute()
      .then((value) => (this.#keep(id, value), value))
      .finally(() => this.#pending.delete(id));
    this.#pending.set(id, value);
    return value;
  }

  #keep(id: string, value: T): void {
    this.#kept.set(id, value);
    this.#bytes += this.#sizeOf(value);
    for (const [oldestId, oldest] of this.#kept) {
      if (this.#bytes <= this.#maxBytes || this.#kept.size === 1) break;
      this.#kept.delete(oldestId);
      this.#bytes -= this.#sizeOf(oldest);
    }
  }
}
