import type { Clock } from "./clock.ts";
import { sampleBytes } from "./memory.ts";
import type { Sample } from "./sample.ts";

/** Queue of samples that have ended, emptied off the timed path. */
export interface Feed {
  /** Adds a sample. */
  put(sample: Sample): void;
  /** Hands out the waiting samples and stops. */
  close(): void;
}

/** Interval between progress reports, and between rounds while nothing waits. */
const EVERY_MS = 250;
/** Samples handed out before the clock is read again: about 50 µs each. */
const AT_ONCE = 16;
/** Time for a round of such batches. */
const BUDGET_MS = 0.5;
/** Smallest share of the queue in a batch, so that the length of the queue is bounded at any rate. */
const SHARE = 1 / 64;
/** Memory that waiting samples may take: beyond it samples are handed out at once, although the timed path waits. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Functions that {@linkcode feed} calls. */
export interface FeedTasks {
  /** Takes samples, a small batch at a time. */
  take(batch: readonly Sample[]): void;
  /** Does a slice of other work that cannot wait. Returns whether there is more. */
  work?(): boolean;
  /** Called a few times a second. */
  glance(): void;
}

/** Hands samples on, and does other work between requests. */
export function feed(
  clock: Clock,
  { take, work = () => false, glance }: FeedTasks,
): Feed {
  const waiting: Sample[] = [];
  /** Size of each waiting sample. */
  const sizes: number[] = [];
  let waitingBytes = 0;
  let glanceMs = clock.now() + EVERY_MS;
  let cancel = clock.at(glanceMs, tick);

  function tick(): void {
    const startMs = clock.now();
    let nowMs = startMs;
    while (waiting.length > 0 && nowMs - startMs < BUDGET_MS) {
      const count = Math.max(AT_ONCE, Math.ceil(waiting.length * SHARE));
      takeFirst(count);
      nowMs = clock.now();
    }
    const more = work() || waiting.length > 0;
    if (nowMs >= glanceMs) {
      glance();
      glanceMs = nowMs + EVERY_MS;
    }
    cancel = clock.at(more ? nowMs + 1 : glanceMs, tick);
  }

  function takeFirst(count: number): void {
    for (const bytes of sizes.splice(0, count)) waitingBytes -= bytes;
    take(waiting.splice(0, count));
  }

  return {
    put(sample) {
      const bytes = sampleBytes(sample);
      waiting.push(sample);
      sizes.push(bytes);
      waitingBytes += bytes;
      while (waitingBytes > MAX_BYTES) takeFirst(1);
    },
    close() {
      cancel();
      if (waiting.length > 0) takeFirst(waiting.length);
    },
  };
}
