import { z } from "zod";
import { defineLoad, type LoadPlugin } from "../plugins/mod.ts";
import { MAX_TIME_MS, maxInFlight, shownTime } from "./options.ts";

/** Options of {@linkcode burst}. */
export interface BurstOptions {
  /** Sessions that start in the same instant; one stage for each number. @default {[50]} */
  sizes?: number[] | undefined;
  /** Time from one burst to the next, in milliseconds; the first is at 0. @default {10000} */
  everyMs?: number | undefined;
  /** Arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  maxInFlight?: number | undefined;
}

/** All sessions of a burst are prepared ahead, and sent before anything that was received is read. */
const MAX_BURST = 10_000;

/** Open loop: many sessions start in the same instant, again and again; one stage for each number. */
export const burst: LoadPlugin<BurstOptions> = defineLoad({
  name: "burst",
  summary: "Open loop: many sessions in the same instant, again and again",
  primary: "sizes",
  options: z.strictObject({
    sizes: z.array(z.int().positive().max(MAX_BURST))
      .min(1, "must name at least one").default([50])
      .describe("Sessions of a burst; a stage for each number"),
    everyMs: z.number().positive().max(MAX_TIME_MS).default(10_000).describe(
      "Time from one burst to the next; the first is at 0",
    ),
    maxInFlight,
  }),
  profile: ({ sizes, everyMs, maxInFlight }) =>
    function* () {
      const limit = maxInFlight === undefined ? {} : { maxInFlight };
      for (const size of sizes) {
        yield {
          name: `burst of ${size} every ${shownTime(everyMs)}`,
          load: { kind: "burst", size, everyMs, ...limit },
          arrivals: burstArrivals(size, everyMs),
          readyAhead: size,
          ...limit,
        };
      }
    },
});

/** Start number `i` is at ⌊i ÷ size⌋ × every. */
function* burstArrivals(size: number, everyMs: number): Generator<number> {
  for (let i = 0;; i++) yield Math.floor(i / size) * everyMs;
}
