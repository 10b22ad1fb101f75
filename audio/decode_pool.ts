import { startWorker, type WorkerThread } from "../lib/worker_rpc.ts";
import { type DecodeJob, runDecodeJob } from "./decode_job.ts";
import type { methods } from "./decode_worker.ts";
import { AudioError } from "./format.ts";

/** Threads that decode. */
export interface DecodePool extends Disposable {
  /** Returns mono PCM16. Takes over the bytes of the job, which are empty afterwards. */
  run(job: DecodeJob): Promise<Int16Array<ArrayBuffer>>;
}

type PCM16 = Int16Array<ArrayBuffer>;

type DecodeWorker = WorkerThread<typeof methods>;

interface PendingJob extends PromiseWithResolvers<PCM16> {
  readonly job: DecodeJob;
}

/**
 * Opens a pool of workers, which start when there are jobs. A job is sent to a worker that is ready: if workers cannot
 * be started (no permission, a compiled binary without them), jobs run in this thread.
 */
export function openDecodePool(
  { threads, workerUrl }: { threads: number; workerUrl: URL },
): DecodePool {
  const queue: PendingJob[] = [];
  const workers = new Set<DecodeWorker>();
  const idle: DecodeWorker[] = [];
  let starting = 0;
  let isUnavailable = false;
  let isBusy = false;
  let isClosed = false;

  function dispatch(): void {
    if (isUnavailable) return void runHere();
    while (queue.length > 0 && idle.length > 0) {
      void runIn(idle.pop()!, queue.shift()!);
    }
    if (queue.length > starting && workers.size < threads) void start();
  }

  async function start(): Promise<void> {
    const worker: DecodeWorker = startWorker(workerUrl, { name: "decode" });
    workers.add(worker);
    starting++;
    await worker.ready.then(() => idle.push(worker), () => {
      workers.delete(worker);
      isUnavailable = !isClosed;
    });
    starting--;
    dispatch();
  }

  async function runIn(
    worker: DecodeWorker,
    { job, resolve, reject }: PendingJob,
  ): Promise<void> {
    try {
      const result = await worker.call("decode", job, [job.bytes.buffer]);
      if (typeof result === "string") reject(new AudioError(result));
      else resolve(result);
      idle.push(worker);
    } catch (cause) {
      worker[Symbol.dispose]();
      workers.delete(worker);
      const reason = cause instanceof Error ? cause.message : String(cause);
      const crash = `${job.name}: the decoder crashed: ${reason}`;
      reject(isClosed ? closed(job) : new AudioError(crash, { cause }));
    }
    dispatch();
  }

  /** Runs the queue in this thread. */
  async function runHere(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      await runDecodeJob(next.job).then(next.resolve, next.reject);
    }
    isBusy = false;
  }

  return {
    run(job) {
      if (isClosed) return Promise.reject(closed(job));
      const pending = { job, ...Promise.withResolvers<PCM16>() };
      queue.push(pending);
      dispatch();
      return pending.promise;
    },
    [Symbol.dispose]() {
      isClosed = true;
      for (const worker of workers) worker[Symbol.dispose]();
      for (const { job, reject } of queue.splice(0)) reject(closed(job));
    },
  };
}

function closed({ name }: DecodeJob): AudioError {
  return new AudioError(`${name}: the decoders are closed`);
}
