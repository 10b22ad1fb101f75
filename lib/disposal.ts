/** Time limit of a disposal, in milliseconds. */
export const DISPOSAL_LIMIT_MS = 5000;

/** Options of {@linkcode disposeInTime}. */
export interface DisposalOptions {
  /** Clock of the time limit. */
  readonly clock: {
    now(): number;
    at(atMs: number, run: () => void): () => void;
  };
  /** Receives a warning if the time limit is exceeded. */
  warn(message: string): void;
}

/**
 * Disposes of a resource, and stops waiting after a time limit, so that a stuck plugin cannot keep a run from ending.
 *
 * @param what Name of the resource, for the warning: `backend "realtime"`.
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
      } s and was left behind`,
    );
  } finally {
    cancel();
  }
}
