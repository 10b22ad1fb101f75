import { type FileMetaData, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Row } from "./manifest.ts";
import { startWorker, type WorkerThread } from "../../lib/worker_rpc.ts";

/** The bytes of a row group to be decoded. Plain data: it crosses threads. */
export interface RowsJob {
  /** Size of the file in bytes. */
  readonly size: number;
  /** The file's metadata, with only this row group. */
  readonly metadata: FileMetaData;
  readonly columns: readonly string[];
  /** Number of records to decode, from the first. */
  readonly count: number;
  /** The byte ranges of the file that hold the columns. */
  readonly parts: readonly FilePart[];
}

/** A byte range of a file. */
export interface FilePart {
  /** Offset of its first byte. */
  readonly start: number;
  readonly bytes: ArrayBuffer;
}

/**
 * Decompresses and decodes records.
 *
 * @throws {Error} If the bytes cannot be decoded.
 */
export async function decodeRows(job: RowsJob): Promise<Row[]> {
  const { size, metadata, columns, count, parts } = job;
  try {
    const rows = await parquetReadObjects({
      file: {
        byteLength: size,
        slice: (start, end = size) => sliceOf(parts, start, end),
      },
      metadata,
      columns: [...columns],
      rowEnd: count,
      compressors,
      // Columns are text only if the schema says so: audio is bytes.
      utf8: false,
      geoparquet: false,
    });
    return rows.map(plainRow);
  } catch (cause) {
    // On damaged bytes the decoder fails anywhere, but it names an encoding that it does not support.
    const reason = cause instanceof Error ? cause.message : "";
    throw new Error(
      /\bunsupported\b/.test(reason)
        ? `its pages have an unsupported format: ${reason}`
        : "its pages are damaged",
    );
  }
}

/** A range of the file. The decoder reads across gaps between columns, whose bytes it does not use. */
function sliceOf(
  parts: readonly FilePart[],
  start: number,
  end: number,
): ArrayBuffer {
  const slice = new Uint8Array(end - start);
  for (const part of parts) {
    const from = Math.max(start, part.start);
    const to = Math.min(end, part.start + part.bytes.byteLength);
    if (from >= to) continue;
    const bytes = new Uint8Array(part.bytes, from - part.start, to - from);
    slice.set(bytes, from - start);
  }
  return slice.buffer;
}

function plainRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, plainValue(value)]),
  );
}

/**
 * A value as in JSON, except that bytes stay bytes. Integers that a number cannot hold become text, dates ISO 8601,
 * and missing values `null`.
 */
function plainValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value !== "object") return value;
  // A copy: the bytes are part of a page that other records share.
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  }
  if (Array.isArray(value)) return value.map(plainValue);
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as ArrayLike<unknown>, plainValue);
  }
  return plainRow(value as Row);
}

/** Decodes records of Parquet files. */
export interface RowsReader {
  /** Decodes the records of a job. Takes over the job's bytes: they may be gone afterwards. */
  run(job: RowsJob, signal?: AbortSignal): Promise<readonly Row[]>;
}

/** Methods of the worker that decodes Parquet. */
export type ParquetWorker = {
  readonly decode: (job: RowsJob) => Promise<void>;
};

/** Methods that the worker calls in the thread that started it. */
export type ParquetOwner = {
  readonly addRows: (rows: readonly Row[]) => void;
};

/** Options of {@linkcode openRowsThread}. */
export interface RowsThreadOptions {
  /** Longest time to decode a row group, in milliseconds. @default {20000} */
  readonly stuckMs?: number;
  readonly workerUrl?: URL;
}

/**
 * Starts a thread that decodes one job at a time, because decoding in this thread would delay requests. A damaged
 * file can make the decoder loop endlessly: its thread is then ended and the next job gets a new one. If no worker can
 * be started, jobs run in this thread.
 */
export function openRowsThread(
  {
    stuckMs = 20_000,
    workerUrl = new URL("./parquet_worker.ts", import.meta.url),
  }: RowsThreadOptions = {},
): RowsReader & Disposable {
  const closed = new Error("the Parquet reader is closed");
  let worker: WorkerThread<ParquetWorker> | undefined;
  let isClosed = false;
  let rows: Row[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const methods: ParquetOwner = {
    addRows(batch) {
      // One by one: the number of arguments of push() is limited.
      for (const row of batch) rows.push(row);
    },
  };

  function end(): void {
    worker?.[Symbol.dispose]();
    worker = undefined;
  }

  async function decode(job: RowsJob): Promise<readonly Row[]> {
    if (isClosed) throw closed;
    const thread = worker ??= startWorker<ParquetWorker>(workerUrl, {
      name: "parquet",
      methods,
    });
    const isReady = await thread.ready.then(() => true, () => false);
    if (isClosed) throw closed;
    if (!isReady) return decodeRows(job);
    rows = [];
    let isStuck = false;
    const timer = setTimeout(() => {
      isStuck = true;
      end();
    }, stuckMs);
    try {
      const buffers = job.parts.map(({ bytes }) => bytes);
      await thread.call("decode", job, buffers);
      return rows;
    } catch (error) {
      // The thread may have ended: the next job gets a new one.
      end();
      if (!isStuck) throw error;
      throw new Error(
        `its pages must be decoded within ${stuckMs} ms, but were not: they may be damaged`,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    run(job, signal) {
      const result = last.then(() => {
        signal?.throwIfAborted();
        return decode(job);
      });
      last = result.catch(() => {});
      return result;
    },
    [Symbol.dispose]() {
      isClosed = true;
      end();
    },
  };
}
