import { startWorker, type WorkerThread } from "../../lib/worker_rpc.ts";
import type { Row } from "./manifest.ts";
import { decodeRows, type RowsJob } from "./parquet_decode.ts";
import type { ParquetOwner, ParquetWorker } from "./parquet_worker.ts";

/** Decodes records of Parquet files. */
export interface RowsReader {
  /** Decodes the records of a job. Takes over the job's bytes: they may be gone afterwards. */
  run(job: RowsJob, signal?: AbortSignal): Promise<readonly Row[]>;
}

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
  let isUnavailable = false;
  let isClosed = false;
  let rows: Row[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const methods: ParquetOwner = {
    addRows(batch) {
      // One by one: the number of arguments of push() is limited.
      for (const row of batch) rows.push(row);
    },
  };

  function start(): WorkerThread<ParquetWorker> {
    const thread = startWorker<ParquetWorker>(workerUrl, {
      name: "parquet",
      methods,
    });
    thread.lost.then(() => {
      if (worker === thread) worker = undefined;
    });
    return thread;
  }

  function end(): void {
    worker?.[Symbol.dispose]();
    worker = undefined;
  }

  async function decode(job: RowsJob): Promise<readonly Row[]> {
    if (isClosed) throw closed;
    if (isUnavailable) return decodeRows(job);
    const thread = worker ??= start();
    try {
      await thread.ready;
    } catch {
      if (isClosed) throw closed;
      isUnavailable = true;
      return decodeRows(job);
    }
    rows = [];
    const stuck = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      stuck.reject(
        new Error(
          `its pages must be decoded within ${stuckMs} ms, but were not: they may be damaged`,
        ),
      );
      end();
    }, stuckMs);
    try {
      const buffers = job.parts.map(({ bytes }) => bytes);
      await Promise.race([stuck.promise, thread.call("decode", job, buffers)]);
      return rows;
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
