import type { Call } from "../../plugins/mod.ts";

/** Connections that are opened ahead at the same time: more would only wait for each other. */
const AT_ONCE = 32;

/**
 * Opens connections before there are requests for them. Returns how long each took, in milliseconds. Those that cannot
 * be opened are left out: after a few of them it stops, and the requests report why.
 *
 * @param open Opens one connection. Resolves to whether it is open.
 */
export async function openAhead(
  count: number,
  { clock, signal }: Pick<Call, "clock" | "signal">,
  open: () => Promise<boolean>,
): Promise<number[]> {
  const openedMs: number[] = [];
  let missing = count;
  const openNext = async () => {
    while (missing-- > 0 && !signal.aborted) {
      const startMs = clock.now();
      if (!await open()) return;
      openedMs.push(clock.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_ONCE) }, openNext));
  return openedMs;
}
