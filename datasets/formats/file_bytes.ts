import { open } from "node:fs/promises";
import { UsageError } from "../../plugins/mod.ts";

/** A file of which any part can be read, by several readers at a time. */
export interface FileBytes {
  readonly size: number;
  /** The bytes from `start` up to `end`. */
  read(start: number, end: number): Promise<Uint8Array>;
  /** All bytes, from the first. */
  all(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

const CHUNK_BYTES = 2 ** 18;

/**
 * Opens a file of the user's.
 *
 * @throws {UsageError} If there is none, or it cannot be read.
 */
export async function openBytes(path: string): Promise<FileBytes> {
  const file = await open(path).catch((cause) => {
    throw refusal(path, "be a readable file", cause);
  });
  const info = await file.stat();
  if (!info.isFile()) {
    await file.close();
    throw refusal(path, "be a regular file");
  }
  async function read(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const rest = bytes.length - filled;
      const { bytesRead } = await file.read(
        bytes,
        filled,
        rest,
        start + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }
  return {
    size: info.size,
    read,
    async *all() {
      for (let at = 0; at < info.size; at += CHUNK_BYTES) {
        yield await read(at, Math.min(info.size, at + CHUNK_BYTES));
      }
    },
    close: () => file.close(),
  };
}

/**
 * Holds that a file of text is not UTF-16, as spreadsheets write it: what its other bytes are is told by its records.
 *
 * @throws {UsageError} If it begins as UTF-16 does.
 */
export async function refuseUtf16(
  path: string,
  file: Pick<FileBytes, "read" | "size">,
): Promise<void> {
  const [first, second] = await file.read(0, Math.min(2, file.size));
  const isMarked = first === 0xff && second === 0xfe ||
    first === 0xfe && second === 0xff;
  if (!isMarked) return;
  throw new UsageError(
    `Cannot read ${path} as it must be UTF-8: current value is UTF-16, by its first two bytes`,
  );
}

function refusal(path: string, rule: string, cause?: unknown): UsageError {
  const missing = (cause as { code?: unknown } | undefined)?.code === "ENOENT";
  const is = missing ? `${path}, which does not exist` : path;
  return new UsageError(
    `Cannot read the data as 'path' must ${rule}: current value is ${is}`,
    cause === undefined || missing ? {} : { cause },
  );
}
