import type { Clock } from "../core/clock.ts";

/** How long anything may take to close, in milliseconds. */
export const DISPOSAL_LIMIT_MS = 5000;

/** What {@linkcode disposeInTime} needs. */
export interface DisposalOptions {
  readonly clock: Clock;
  /** Hears of what did not close in time. */
  warn(message: string): void;
}

/**
 * Closes something and waits for it, but not for ever: what takes longer is named and left behind, so that nothing can
 * keep a run from its end.
 *
 * @param what Its name for people: `backend "realtime"`.
 */
export async function disposeInTime(
  what: string,
  dispose: () => unknown,
  { clock, warn }: DisposalOptions,
): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<"late">();
  const cancel = clock.at(
    clock.now() + DISPOSAL_LIMIT_MS,
    () => resolve("late"),
  );
  try {
    if (await Promise.race([dispose(), limit]) !== "late") return;
    warn(
      `${what} did not close within ${
        DISPOSAL_LIMIT_MS / 1000
      } s, and is left behind`,
    );
  } finally {
    cancel();
  }
}
