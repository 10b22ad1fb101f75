import type { Clock } from "../core/clock.ts";

/** Returns the share of its lifetime in which this process's main thread was runnable but had no processor. Linux only. */
export async function starved(clock: Clock): Promise<{ starved?: number }> {
  const stat = await Deno.readTextFile("/proc/self/schedstat")
    .catch(() => undefined);
  if (stat === undefined) return {};
  const waitedMs = Number(stat.split(" ")[1]) / 1e6;
  return { starved: waitedMs / clock.now() };
}
