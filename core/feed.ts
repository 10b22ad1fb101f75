import type { Clock } from "./clock.ts";
import { sampleBytes } from "./memory.ts";
import type { Sample } from "./sample.ts";

/** Samples that have ended and wait to be looked at, off the timed path. */
export interface Feed {
  /** Takes one. */
  put(sample: Sample): void;
  /** Hands out what still waits, and stops. */
  close(): void;
}

/** How often samples are handed out. */
const EVERY_MS = 250;
/** How many are handed out without giving the loop back: some 50 µs each. */
const AT_ONCE = 16;
/** And more of them for as long as this: short samples are not to grow old. */
const BUDGET_MS = 0.5;
/** But at least as large a share of what waits, so that the queue finds its length at any rate. */
const SHARE = 1 / 64;
/** Memory that those that wait may take: beyond it they are handed out on the spot, though the timed path waits. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What {@linkcode feed} calls. */
export interface FeedTasks {
  /** Takes samples, a small batch at a time. */
  take(batch: readonly Sample[]): void;
  /** Does a slice of other work that cannot be put off. Returns whether there is more of it. */
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
  /** What each of them takes. */
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
