import {
  type DecodeJob,
  runDecodeJob,
  type WorkerReply,
} from "./decode_job.ts";
import { AudioError, refusal } from "./errors.ts";

/** Threads that decode. */
export interface DecodePool extends Disposable {
  /** Mono PCM16 of a file. Takes the job's bytes over: they are gone afterwards. */
  run(job: DecodeJob): Promise<Int16Array<ArrayBuffer>>;
}

/** A job that waits or is being done. */
interface Pending {
  readonly job: DecodeJob;
  resolve(pcm16: Int16Array<ArrayBuffer>): void;
  reject(error: AudioError): void;
}

/** A worker, and what it is at. */
interface Seat {
  readonly worker: Worker;
  ready: boolean;
  current: Pending | undefined;
}

/**
 * Starts workers as jobs come, up to `threads`. A job goes to a worker that has said it is there: one
 * that cannot be had (no permission, not in a compiled binary) leaves its job to this thread.
 */
export function openDecodePool(
  { threads, workerUrl }: { threads: number; workerUrl: URL },
): DecodePool {
  const queue: Pending[] = [];
  const seats = new Set<Seat>();
  let unavailable = false;
  let draining = false;
  let closed = false;

  function dispatch(): void {
    if (unavailable) return void drain();
    for (const seat of seats) {
      if (!seat.ready || seat.current !== undefined) continue;
      const pending = queue.shift();
      if (pending === undefined) return;
      seat.current = pending;
      const { job } = pending;
      seat.worker.postMessage(job, [job.bytes.buffer]);
    }
    const starting = [...seats].filter((seat) => !seat.ready).length;
    if (queue.length > starting && seats.size < threads) startWorker();
  }

  function startWorker(): void {
    let worker: Worker;
    try {
      worker = new Worker(workerUrl, { type: "module", name: "decode" });
    } catch {
      return workHere();
    }
    const seat: Seat = { worker, ready: false, current: undefined };
    seats.add(seat);
    worker.onmessage = (event: MessageEvent<WorkerReply>) =>
      settle(seat, event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      lose(seat, event.message);
    };
    worker.onmessageerror = () => lose(seat, "an unreadable message");
  }

  function settle(seat: Seat, reply: WorkerReply): void {
    const { current } = seat;
    seat.current = undefined;
    seat.ready = true;
    if (reply.kind === "done") current?.resolve(reply.pcm16);
    if (reply.kind === "failed") current?.reject(new AudioError(reply.message));
    dispatch();
  }

  function lose(seat: Seat, reason: string): void {
    seats.delete(seat);
    seat.worker.terminate();
    if (!seat.ready) return workHere();
    seat.current?.reject(
      refusal(seat.current.job.name, "its decoder must not crash", {
        is: reason,
      }),
    );
    dispatch();
  }

  function workHere(): void {
    unavailable = true;
    void drain();
  }

  async function drain(): Promise<void> {
    if (draining) return;
    draining = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      await runDecodeJob(next.job).then(next.resolve, next.reject);
    }
    draining = false;
  }

  return {
    run(job) {
      if (closed) return Promise.reject(closedError(job));
      const { promise, ...settlers } = Promise.withResolvers<
        Int16Array<ArrayBuffer>
      >();
      queue.push({ job, ...settlers });
      dispatch();
      return promise;
    },
    [Symbol.dispose]() {
      closed = true;
      const left = [...seats].flatMap((seat) => seat.current ?? []);
      for (const seat of seats) seat.worker.terminate();
      seats.clear();
      for (const { job, reject } of [...left, ...queue.splice(0)]) {
        reject(closedError(job));
      }
    },
  };
}

function closedError(job: DecodeJob): AudioError {
  return refusal(job.name, "decoders must be open", { is: "disposed" });
}
