import type { Clock } from "./clock.ts";
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

/** Hands samples to `take` in small batches; calls `idle` when none waits. */
export function feed(
  clock: Clock,
  { take, idle }: {
    take: (batch: readonly Sample[]) => void;
    idle: () => void;
  },
): Feed {
  const waiting: Sample[] = [];
  let cancel = clock.at(clock.now() + EVERY_MS, tick);

  function tick(): void {
    if (waiting.length > 0) take(waiting.splice(0, AT_ONCE));
    const more = waiting.length > 0;
    if (!more) idle();
    cancel = clock.at(clock.now() + (more ? 1 : EVERY_MS), tick);
  }

  return {
    put: (sample) => void waiting.push(sample),
    close() {
      cancel();
      if (waiting.length > 0) take(waiting.splice(0));
    },
  };
}
