import { Budget } from "../lib/concurrency.ts";
import { reasonOf } from "../lib/system_code.ts";
import { startWorker, type WorkerThread } from "../lib/worker_rpc.ts";
import { type DecodeJob, decodePcm16 } from "./decode.ts";
import type { methods } from "./decode_worker.ts";
import { AudioError } from "./format.ts";

/** Sources that are open at a time, so that 10,000 clips at once do not use up the file descriptors. */
const MAX_OPEN = 32;

/** Bytes of files and samples that are in memory while they are decoded. */
const MAX_BYTES = 2 ** 29;

type DecodeWorker = WorkerThread<typeof methods>;

/**
 * Threads and memory that clips share. Jobs run in workers, which start when there are jobs. If workers cannot be started
 * (no permission, a compiled binary without them), jobs run in this thread, one after the other.
 */
export class DecodePool implements Disposable {
  readonly #workerUrl: URL;
  readonly #threads: Budget;
  readonly #thisThread = new Budget(1);
  readonly #sources = new Budget(MAX_OPEN);
  readonly #memory = new Budget(MAX_BYTES);
  readonly #workers = new Set<DecodeWorker>();
  readonly #idle: DecodeWorker[] = [];
  #isUnavailable = false;
  #isClosed = false;

  /** Creates a pool of at most `threads` workers. */
  constructor(threads: number, workerUrl: URL) {
    this.#threads = new Budget(threads);
    this.#workerUrl = workerUrl;
  }

  /** Runs a task that opens a source, once few enough are open. */
  read<T>(task: () => Promise<T>): Promise<T> {
    return this.#sources.run(1, task);
  }

  /** Runs a task that takes memory, once it is free. */
  allocate<T>(bytes: number, task: () => Promise<T>): Promise<T> {
    return this.#memory.run(bytes, task);
  }

  /** Returns mono PCM16. Takes over the bytes of the job, which are empty afterwards. */
  run(job: DecodeJob): Promise<Int16Array<ArrayBuffer>> {
    return this.#threads.run(1, async () => {
      const worker = this.#idle.pop() ?? await this.#start();
      this.#requireOpen(job);
      return worker
        ? await this.#runIn(worker, job)
        : await this.#thisThread.run(1, () => decodePcm16(job));
    });
  }

  /** Ends the workers. Jobs that have not ended reject. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const worker of this.#workers) worker[Symbol.dispose]();
  }

  /** Starts a worker; undefined if it cannot be started. */
  async #start(): Promise<DecodeWorker | undefined> {
    if (this.#isUnavailable || this.#isClosed) return undefined;
    const options = { name: "decode" };
    const worker = startWorker<typeof methods>(this.#workerUrl, options);
    this.#workers.add(worker);
    try {
      await worker.ready;
      return worker;
    } catch {
      this.#workers.delete(worker);
      this.#isUnavailable = true;
      return undefined;
    }
  }

  async #runIn(
    worker: DecodeWorker,
    job: DecodeJob,
  ): Promise<Int16Array<ArrayBuffer>> {
    let result: Int16Array<ArrayBuffer> | string;
    try {
      result = await worker.call("decode", job, [job.bytes.buffer]);
    } catch (cause) {
      worker[Symbol.dispose]();
      this.#workers.delete(worker);
      this.#requireOpen(job);
      const crash = `${job.name}: the decoder crashed: ${reasonOf(cause)}`;
      throw new AudioError(crash, { cause });
    }
    this.#idle.push(worker);
    if (typeof result === "string") throw new AudioError(result);
    return result;
  }

  #requireOpen({ name }: DecodeJob): void {
    if (this.#isClosed) {
      throw new AudioError(`${name}: the decoders are closed`);
    }
  }
}
