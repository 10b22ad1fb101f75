import { AudioError } from "./errors.ts";

/** Where audio comes from: a file, a data URI, a download. Costs nothing until it is opened. */
export interface AudioSource {
  /** Stands for the audio in samples and reports. */
  readonly id: string;
  /** What errors call it and uploads are named after: a path or a URL. */
  readonly name: string;
  /** Opens the bytes for reading; whoever opens disposes. */
  open(): Promise<AudioBytes>;
}

/** Opened bytes, of which any part can be read without the rest. */
export interface AudioBytes extends AsyncDisposable {
  /** Bytes in all. */
  readonly size: number;
  /**
   * The bytes from `start` up to `end`, fewer where they end; one read at a time. They are given away: whoever reads them
   * may move them to another thread, so each call makes an array of its own.
   */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Options of {@linkcode fileSource} and {@linkcode bytesSource}. */
export interface AudioSourceOptions {
  /**
   * Stands for the audio in samples and reports.
   *
   * @default the source's name
   */
  readonly id?: string;
}

/**
 * Audio in a file of this machine, of which only the parts that are asked for are read.
 *
 * @param path where the file lies; also what errors call it
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
 * Audio that is in memory already.
 *
 * @param bytes a whole audio file; not copied, so leave it as it is
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

/** Bytes in memory, as opened bytes. */
export function bytesOf(bytes: Uint8Array<ArrayBuffer>): AudioBytes {
  return {
    size: bytes.length,
    read: (start, end) => Promise.resolve(bytes.slice(start, end)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The bytes from `at` on, of which the first `head.length` are answered from memory. */
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
  try {
    const file = await Deno.open(path);
    try {
      const { size, isFile } = await file.stat();
      if (!isFile) throw new TypeError("it is no regular file");
      return fileBytes(file, size);
    } catch (cause) {
      file.close();
      throw cause;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message =
      `Cannot read ${path} as it must be a readable file: current value is "${reason}"`;
    throw new AudioError(message, { cause });
  }
}

function fileBytes(file: Deno.FsFile, size: number): AudioBytes {
  let position = 0;
  return {
    size,
    async read(start, end) {
      const wanted = Math.max(0, Math.min(end, size) - start);
      if (wanted > 0 && position !== start) {
        await file.seek(start, Deno.SeekMode.Start);
      }
      const bytes = await readFully(file, wanted);
      position = start + bytes.length;
      return bytes;
    },
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}

async function readFully(
  file: Deno.FsFile,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled === length ? bytes : bytes.slice(0, filled);
}
