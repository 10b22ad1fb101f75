import type { Row } from "./manifest_format.ts";
import { type RowsJob, runRowsJob, type Slice } from "./parquet_job.ts";
import type { FromWorker, ToWorker } from "./parquet_messages.ts";
import { plainRow } from "./parquet_values.ts";

/** Reads records of Parquet files. */
export interface RowsReader {
  /** The records of a job, whose bytes come from `slice`. */
  run(
    job: RowsJob,
    slice: Slice,
    signal?: AbortSignal,
  ): Promise<readonly Row[]>;
}

/** Reads in this thread. */
export const rowsHere: RowsReader = {
  run: async (job, slice) =>
    (await runRowsJob(job, slice)).map((row) => plainRow(row)),
};

/** A job that is under way. */
interface Pending {
  readonly job: RowsJob;
  readonly slice: Slice;
  readonly rows: Row[];
  /** Why bytes that it needs could not be had. */
  failure?: unknown;
  resolve(rows: readonly Row[]): void;
  reject(error: unknown): void;
}

/** Options of {@linkcode openRowsThread}. */
export interface RowsThreadOptions {
  /** Longest time to decode what came in one piece, in milliseconds. @default {20000} */
  readonly stuckMs?: number;
  readonly workerUrl?: URL;
}

/**
 * A thread that decompresses and decodes, as a row group can take so long that requests would be late. A damaged file
 * may keep it busy for ever: then it is ended, its job with it, and the others begin anew. Where no worker is to be
 * had, it reads in this thread.
 */
export function openRowsThread(
  {
    stuckMs = 20_000,
    workerUrl = new URL("./parquet_worker.ts", import.meta.url),
  }: RowsThreadOptions = {},
): RowsReader & Disposable {
  const jobs = new Map<number, Pending>();
  let worker: Worker | undefined;
  let isReady = false;
  let isUnavailable = false;
  let isClosed = false;
  let lastId = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const post = (message: ToWorker, transfer: Transferable[] = []) =>
    worker?.postMessage(message, transfer);

  function start(): void {
    try {
      worker = new Worker(workerUrl, { type: "module", name: "parquet" });
    } catch {
      return workHere();
    }
    const own = worker;
    isReady = false;
    own.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (own === worker) hear(data);
    };
    own.onerror = (event) => {
      event.preventDefault();
      if (own !== worker) return;
      if (!isReady) return workHere();
      lose(undefined, `its decoder must not crash: ${event.message}`);
    };
  }

  function hear(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        isReady = true;
        for (const [id, { job }] of jobs) post({ kind: "run", id, job });
        return;
      case "busy":
        clearTimeout(timer);
        timer = setTimeout(() => {
          lose(
            message.id,
            `its pages must be decoded within ${stuckMs} ms: current value is more, as of a damaged file`,
          );
        }, stuckMs);
        return;
      case "idle":
        return clearTimeout(timer);
      case "slice":
        return void answer(message);
      case "rows":
        // One by one: a list of any length is no list of arguments.
        for (const row of message.rows) jobs.get(message.id)?.rows.push(row);
        return;
      case "done": {
        const pending = jobs.get(message.id);
        jobs.delete(message.id);
        return pending?.resolve(pending.rows);
      }
      case "error": {
        const pending = jobs.get(message.id);
        jobs.delete(message.id);
        const cause = pending?.failure;
        pending?.reject(new Error(message.message, { cause }));
      }
    }
  }

  async function answer(
    { id, slice, start, end }: Extract<FromWorker, { kind: "slice" }>,
  ): Promise<void> {
    const own = worker;
    let message: ToWorker;
    let transfer: Transferable[] = [];
    try {
      const bytes = await jobs.get(id)?.slice(start, end);
      if (bytes === undefined) return;
      message = { kind: "bytes", id, slice, bytes };
      transfer = [bytes];
    } catch (error) {
      const pending = jobs.get(id);
      if (pending) pending.failure = error;
      const text = error instanceof Error ? error.message : String(error);
      message = { kind: "failed", id, slice, message: text };
    }
    if (own === worker) post(message, transfer);
  }

  /** Ends the worker and the job that it was at; of all of them, where that is not known. */
  function lose(id: number | undefined, reason: string): void {
    clearTimeout(timer);
    worker?.terminate();
    worker = undefined;
    for (const [each, pending] of jobs) {
      pending.rows.length = 0;
      if (id !== undefined && each !== id) continue;
      pending.reject(new Error(reason));
      jobs.delete(each);
    }
    if (jobs.size > 0) start();
  }

  function workHere(): void {
    isUnavailable = true;
    worker?.terminate();
    worker = undefined;
    for (const { job, slice, resolve, reject } of jobs.values()) {
      rowsHere.run(job, slice).then(resolve, reject);
    }
    jobs.clear();
  }

  return {
    run(job, slice, signal) {
      if (isClosed) return Promise.reject(new Error("The reader is closed"));
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (isUnavailable) return rowsHere.run(job, slice);
      const { promise, resolve, reject } = Promise.withResolvers<
        readonly Row[]
      >();
      const id = ++lastId;
      jobs.set(id, { job, slice, rows: [], resolve, reject });
      const abort = () => {
        if (jobs.delete(id)) reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      if (worker === undefined) start();
      else if (isReady) post({ kind: "run", id, job });
      return promise.finally(() => signal?.removeEventListener("abort", abort));
    },
    [Symbol.dispose]() {
      isClosed = true;
      clearTimeout(timer);
      worker?.terminate();
      worker = undefined;
      for (const { reject } of jobs.values()) {
        reject(new Error("The reader is closed"));
      }
      jobs.clear();
    },
  };
}
