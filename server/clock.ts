import { type Clock, shiftClock, systemClock } from "../core/clock.ts";

/** The server's time and timers. */
export type ServerClock = Pick<Clock, "now" | "at">;

/** A clock that counts milliseconds since 1970, so that its times compare with any other process of the machine. */
export function serverClock(): ServerClock {
  const clock = systemClock();
  return shiftClock(clock, -clock.epochMs);
}

/** Timers that end together. */
export interface Timers {
  /** Runs `task` once at `atMs`, unless {@linkcode Timers.end} comes first. Returns how to cancel it. */
  at(atMs: number, task: () => void): () => void;
  /** Cancels every task; later ones never run. */
  end(): void;
}

/** Creates the timers of one connection or request. */
export function createTimers(clock: ServerClock): Timers {
  const cancels = new Set<() => void>();
  let isOver = false;
  return {
    at(atMs, task) {
      if (isOver) return () => {};
      const cancel = clock.at(atMs, () => {
        cancels.delete(cancel);
        task();
      });
      cancels.add(cancel);
      return () => {
        cancels.delete(cancel);
        cancel();
      };
    },
    end() {
      isOver = true;
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
}
