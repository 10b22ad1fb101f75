import { onAbort } from "../../lib/abort.ts";
import type { Call } from "../../plugins/mod.ts";

/** Connections that are opened ahead at the same time: more would only wait for each other. */
const AT_ONCE = 32;

/** Options of {@linkcode openAhead}. */
export interface AheadOptions extends Pick<Call, "clock" | "signal"> {
  /** Time for all of them, in milliseconds. */
  readonly limitMs: number;
}

/**
 * Opens connections before there are requests for them. Returns how long each took, in milliseconds. Those that cannot
 * be opened are left out: after a few of them it stops, and the requests report why.
 *
 * @param open Opens one connection. Resolves to whether it is open; soon to false, if its signal aborts.
 */
export async function openAhead(
  count: number,
  { clock, signal, limitMs }: AheadOptions,
  open: (signal: AbortSignal) => Promise<boolean>,
): Promise<number[]> {
  // Not AbortSignal.timeout(), whose timer would keep a program alive that uses earshot as a library.
  const end = new AbortController();
  const cancelLimit = clock.at(clock.now() + limitMs, () => end.abort());
  const removeTask = onAbort(signal, (reason) => end.abort(reason));
  const openedMs: number[] = [];
  let missing = count;
  const openNext = async () => {
    while (missing-- > 0 && !end.signal.aborted) {
      const startMs = clock.now();
      if (!await open(end.signal)) return;
      openedMs.push(clock.now() - startMs);
    }
  };
  const streams = Array.from({ length: Math.min(count, AT_ONCE) }, openNext);
  try {
    await Promise.all(streams);
  } finally {
    cancelLimit();
    removeTask();
  }
  return openedMs;
}
