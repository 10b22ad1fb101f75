/** Clock of a time limit. */
interface LimitClock {
  now(): number;
  at(atMs: number, run: () => void): () => void;
}

/** Whether a promise settles within `limitMs`. Rejects if the promise rejects in time. */
export async function settlesWithin(
  limitMs: number,
  promise: unknown,
  clock: LimitClock,
): Promise<boolean> {
  const limit = Promise.withResolvers<typeof LATE>();
  const cancel = clock.at(clock.now() + limitMs, () => limit.resolve(LATE));
  try {
    return await Promise.race([promise, limit.promise]) !== LATE;
  } finally {
    cancel();
  }
}

const LATE = Symbol("late");

/** Time limit of a disposal, in milliseconds. */
export const DISPOSAL_LIMIT_MS = 5000;

/** Options of {@linkcode disposeInTime}. */
export interface DisposalOptions {
  readonly clock: LimitClock;
  /** Receives a warning if the time limit is exceeded. */
  warn(message: string): void;
}

/**
 * Disposes of a resource, and stops waiting after a time limit, so that a stuck plugin cannot keep a run from ending.
 *
 * @param name Name of the resource, for the warning: `backend "realtime"`.
 */
export async function disposeInTime(
  name: string,
  dispose: () => unknown,
  { clock, warn }: DisposalOptions,
): Promise<void> {
  if (await settlesWithin(DISPOSAL_LIMIT_MS, dispose(), clock)) return;
  const seconds = DISPOSAL_LIMIT_MS / 1000;
  warn(`${name} did not close within ${seconds} s and was left behind`);
}
