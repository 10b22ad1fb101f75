import { startWorker, type WorkerThread } from "../lib/worker_rpc.ts";
import { openBudget } from "../lib/budget.ts";
import { type AudioClip, openClip } from "./clip.ts";
import { type DecodeJob, runDecodeJob } from "./decode_job.ts";
import type { methods } from "./decode_worker.ts";
import { AudioError } from "./format.ts";
import type { AudioSource } from "./source.ts";

/** Opens clips, and decodes them in worker threads. */
export interface Decoders extends AsyncDisposable {
  /**
   * Opens a clip. Only its headers are read.
   *
   * @throws {AudioError} If the source is not audio, empty, truncated or shorter than 1 ms.
   * @throws {RangeError} If `maxSeconds` is not above 0.
   */
  clip(source: AudioSource, options?: ClipOptions): Promise<AudioClip>;
}

/** Options of {@linkcode Decoders.clip}. */
export interface ClipOptions {
  /**
   * Where to cut, in seconds. The rest is not decoded.
   *
   * @default Infinity
   */
  readonly maxSeconds?: number;
}

/** Options of {@linkcode openDecoders}. */
export interface DecodersOptions {
  /**
   * Maximum number of workers. They start when they are needed.
   *
   * @default half of the machine's processors, 1 to 4
   */
  readonly threads?: number;
}

/** Sources that are open at a time, so that 10,000 clips at once do not use up the file descriptors. */
const MAX_OPEN = 32;

/** Bytes of files and samples that are in memory while they are decoded. */
const MAX_BYTES = 2 ** 29;

/**
 * Opens decoders. Decoding runs in web workers, off the thread that sends and takes times; if workers cannot be
 * started, in this thread. Disposing ends the workers and their work.
 *
 * @throws {RangeError} If `threads` is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { bytesSource, encodeWav, openDecoders } from "@earshot/earshot/audio";
 *
 * const wav = encodeWav(new Int16Array(48_000), 48_000);
 * await using decoders = openDecoders({ threads: 1 });
 * const clip = await decoders.clip(bytesSource(wav, "silence.wav"));
 * console.log(clip.durationMs, (await clip.pcm16(16_000)).length); // 1000 16000
 * ```
 */
export function openDecoders(options: DecodersOptions = {}): Decoders {
  const pool = openDecodePool({
    threads: threadCount(options.threads),
    workerUrl: new URL("./decode_worker.ts", import.meta.url),
  });
  const files = openBudget(MAX_OPEN);
  const limited = <T>(task: () => Promise<T>) => files.run(1, task);
  const budget = openBudget(MAX_BYTES);
  return {
    async clip(source, { maxSeconds = Infinity } = {}) {
      if (!(maxSeconds > 0)) {
        throw new RangeError(
          `maxSeconds: must be more than 0, but was ${maxSeconds}`,
        );
      }
      const whole = await openClip(source, { limited, budget, pool });
      const { id, durationMs } = whole;
      const endMs = maxSeconds * 1000;
      return durationMs > endMs ? whole.part({ endMs, id }) : whole;
    },
    [Symbol.asyncDispose]() {
      pool[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

function threadCount(threads: number | undefined): number {
  if (threads === undefined) {
    const half = Math.floor(navigator.hardwareConcurrency / 2);
    return Math.min(4, Math.max(1, half));
  }
  if (Number.isSafeInteger(threads) && threads >= 1) return threads;
  throw new RangeError(
    `threads: must be a whole number from 1, but was ${threads}`,
  );
}

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
