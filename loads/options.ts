import { z } from "zod";

/** Each stream costs memory and a socket, and no machine has sockets for more. */
export const MAX_STREAMS = 100_000;

/** No client sends as many requests a second. */
export const MAX_RATE = 1_000_000;

/** Longest time in the schedule of a load: a day, in milliseconds. */
export const MAX_TIME_MS = 86_400_000;

/** Option of a number of streams. */
export const streamCount = z.int().positive().max(MAX_STREAMS);

/** Option of a rate, in requests a second. */
export const rate = z.number().positive().max(MAX_RATE);

/** Option of the limit of an open loop. */
export const maxInFlight = streamCount.optional().describe(
  "Arrivals beyond this many in flight are dropped and counted",
);

/** Formats a time for the name of a stage: `10 s`, `250 ms`. */
export function shownTime(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}
