import type { Clock } from "./clock.ts";
import { sampleBytes } from "./memory.ts";
import type { Sample } from "./sample.ts";

/** Interval between progress reports, and between rounds while nothing waits. */
const PROGRESS_MS = 250;
/** Samples passed on before the clock is read again. */
const BATCH = 16;
/** Time for a round of such batches. */
const ROUND_MS = 0.5;
/** Smallest share of the queue in a batch, so that the length of the queue is bounded at any rate. */
const BATCH_SHARE = 1 / 64;
/** Memory that waiting samples may take: beyond it samples are passed on at once, although the timed path waits. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Functions that a {@linkcode SampleQueue} calls. */
export interface SampleQueueTasks {
  /** Takes samples, a small batch at a time. */
  take(batch: readonly Sample[]): void;
  /** Does a slice of other work that cannot wait. Returns whether there is more. */
  work?(): boolean;
  /** Called a few times a second. */
  progress(): void;
}

/** Queue of samples that have ended. It passes them on, and does other work, between requests. */
export class SampleQueue {
  readonly #clock: Clock;
  readonly #tasks: SampleQueueTasks;
  readonly #waiting: Sample[] = [];
  /** Size of each waiting sample. */
  readonly #sizes: number[] = [];
  #bytes = 0;
  #progressMs: number;
  #cancel: () => void;

  constructor(clock: Clock, tasks: SampleQueueTasks) {
    this.#clock = clock;
    this.#tasks = tasks;
    this.#progressMs = clock.now() + PROGRESS_MS;
    this.#cancel = clock.at(this.#progressMs, () => this.#round());
  }

  /** Adds a sample. */
  add(sample: Sample): void {
    const bytes = sampleBytes(sample);
    this.#waiting.push(sample);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    while (this.#bytes > MAX_BYTES) this.#passOn(1);
  }

  /** Passes on the waiting samples and stops. */
  close(): void {
    this.#cancel();
    if (this.#waiting.length > 0) this.#passOn(this.#waiting.length);
  }

  #round(): void {
    const startMs = this.#clock.now();
    let nowMs = startMs;
    while (this.#waiting.length > 0 && nowMs - startMs < ROUND_MS) {
      const share = Math.ceil(this.#waiting.length * BATCH_SHARE);
      this.#passOn(Math.max(BATCH, share));
      nowMs = this.#clock.now();
    }
    const more = this.#tasks.work?.() || this.#waiting.length > 0;
    if (nowMs >= this.#progressMs) {
      this.#tasks.progress();
      this.#progressMs = nowMs + PROGRESS_MS;
    }
    const nextMs = more ? nowMs + 1 : this.#progressMs;
    this.#cancel = this.#clock.at(nextMs, () => this.#round());
  }

  #passOn(count: number): void {
    for (const bytes of this.#sizes.splice(0, count)) this.#bytes -= bytes;
    this.#tasks.take(this.#waiting.splice(0, count));
  }
}
