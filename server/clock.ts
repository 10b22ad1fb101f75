import { type Clock, shiftClock, systemClock } from "../core/clock.ts";

/** The server's time and timers. */
export type ServerClock = Pick<Clock, "now" | "at">;

/** Creates a clock in milliseconds since 1970, so that times of other processes on the machine compare with its own. */
export function serverClock(): ServerClock {
  const clock = systemClock();
  return shiftClock(clock, -clock.epochMs);
}

/** The timers of a connection or request, which end with it. */
export type Timers = ReturnType<typeof createTimers>;

/** Creates the timers of one connection or request. */
export function createTimers(clock: ServerClock) {
  const cancels = new Set<() => void>();
  let isOver = false;
  return {
    /** Runs `task` once at `atMs`, unless {@linkcode Timers.end} comes first. Returns how to cancel it. */
    at(atMs: number, task: () => void): () => void {
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
    /** Cancels every task; later ones never run. */
    end(): void {
      isOver = true;
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
}

/** Creates a gate that delays tasks and keeps their order. */
export function createGate(at: Timers["at"]) {
  let heldUntilMs = 0;
  let held: (() => void)[] = [];

  /** Runs the held tasks until one of them holds again. Does nothing if a longer hold is in force. */
  function release(untilMs: number): void {
    if (heldUntilMs > untilMs) return;
    heldUntilMs = 0;
    while (heldUntilMs === 0 && held.length > 0) held.shift()!();
  }

  return {
    /** Runs a task now, or once the gate opens; never if it stays closed forever. */
    pass(task: () => void): void {
      if (heldUntilMs === 0) task();
      else if (heldUntilMs < Infinity) held.push(task);
    },
    /** Holds tasks until a time; forever if it is infinite. */
    hold(untilMs: number): void {
      heldUntilMs = Math.max(heldUntilMs, untilMs);
      if (heldUntilMs === Infinity) held = [];
      else at(untilMs, () => release(untilMs));
    },
  };
}
