import { reasonOf } from "../lib/system_code.ts";
import { AudioError } from "./format.ts";

/** A source of audio: a file, a data URI, a download. Needs no resources until it is opened. */
export interface AudioSource {
  /** The id of the audio in samples and reports. */
  readonly id: string;
  /** The name in errors and uploads: a path or a URL. */
  readonly name: string;
  /** Opens the bytes for reading. The caller disposes them. */
  open(): Promise<AudioBytes>;
}

/** Opened bytes. Any part can be read without the rest. */
export interface AudioBytes extends AsyncDisposable {
  /** Total number of bytes. */
  readonly size: number;
  /**
   * Reads the bytes from `start` up to `end`, or up to their own end; one read at a time. Each call returns a new array,
   * which the caller may move to another thread.
   */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Options of {@linkcode fileSource} and {@linkcode bytesSource}. */
export interface AudioSourceOptions {
  /**
   * The id of the audio in samples and reports.
   *
   * @default the source's name
   */
  readonly id?: string;
}

/**
 * Audio in a local file. Only the needed parts are read.
 *
 * @param path The path of the file, which is also its name in errors.
 */
export function fileSource(
  path: string,
  options: AudioSourceOptions = {},
): AudioSource {
  return {
    id: options.id ?? path,
    name: path,
    open: () => openFile(path),
  };
}

/**
 * Audio in memory.
 *
 * @param bytes A whole audio file. It is not copied and must not be changed.
 */
export function bytesSource(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  options: AudioSourceOptions = {},
): AudioSource {
  return {
    id: options.id ?? name,
    name,
    open: () => Promise.resolve(bytesOf(bytes)),
  };
}

/** Opens bytes in memory. */
export function bytesOf(bytes: Uint8Array<ArrayBuffer>): AudioBytes {
  return {
    size: bytes.length,
    read: (start, end) => Promise.resolve(bytes.slice(start, end)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The bytes from `at` on. Reads of the first `head.length` bytes are answered from memory. */
export function bytesFrom(
  bytes: AudioBytes,
  at: number,
  head: Uint8Array<ArrayBuffer>,
): AudioBytes {
  const size = Math.max(0, bytes.size - at);
  return {
    size,
    read: (start, end) =>
      Math.min(end, size) <= head.length
        ? Promise.resolve(head.slice(start, end))
        : bytes.read(at + start, at + end),
    [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
  };
}

async function openFile(path: string): Promise<AudioBytes> {
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path);
    const { size, isFile } = await file.stat();
    if (!isFile) throw new TypeError("not a regular file");
    return fileBytes(file, size);
  } catch (cause) {
    file?.close();
    throw new AudioError(`cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function fileBytes(file: Deno.FsFile, size: number): AudioBytes {
  return {
    size,
    async read(start, end) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      if (bytes.length > 0) await file.seek(start, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < bytes.length) {
        const count = await file.read(bytes.subarray(filled));
        if (count === null) return bytes.slice(0, filled);
        filled += count;
      }
      return bytes;
    },
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}
