import { open } from "node:fs/promises";
import { messageOf, UsageError } from "../../plugins/mod.ts";

/** Bytes of a file or behind a URL. Several readers can read any part at the same time. */
export interface RandomBytes {
  /** Number of bytes. */
  readonly size: number;
  /** Reads the bytes from `start` up to `end`, into a buffer of their own. Returns fewer at the end. */
  read(
    start: number,
    end: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>>;
}

/** An open file. */
export interface FileBytes extends RandomBytes {
  /** Reads all bytes in order. */
  all(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

const CHUNK_BYTES = 2 ** 18;

/**
 * Opens a file.
 *
 * @throws {UsageError} If it does not exist or cannot be read.
 */
export async function openBytes(path: string): Promise<FileBytes> {
  const file = await open(path).catch((cause) => {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  const info = await file.stat();
  const { size } = info;
  if (!info.isFile()) {
    await file.close();
    throw new UsageError(`cannot read ${path}: it is not a regular file`);
  }
  async function read(start: number, end: number) {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const rest = bytes.length - filled;
      const at = start + filled;
      const { bytesRead } = await file.read(bytes, filled, rest, at);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }
  return {
    size,
    read,
    async *all() {
      for (let at = 0; at < size; at += CHUNK_BYTES) {
        yield await read(at, Math.min(size, at + CHUNK_BYTES));
      }
    },
    close: () => file.close(),
  };
}

/**
 * Refuses a text file in UTF-16, as spreadsheets write it.
 *
 * @throws {UsageError} If it begins with the byte order mark of UTF-16.
 */
export async function refuseUtf16(
  path: string,
  file: RandomBytes,
): Promise<void> {
  const [first, second] = await file.read(0, Math.min(2, file.size));
  const isMarked = first === 0xff && second === 0xfe ||
    first === 0xfe && second === 0xff;
  if (isMarked) {
    throw new UsageError(`${path}: the file must be UTF-8, but was UTF-16`);
  }
}
