import { z } from "zod";
import { defineLoad, type LoadPlugin, searchCapacity } from "../plugins/mod.ts";

/** Options of {@linkcode search}. */
export interface SearchOptions {
  /** Whether levels are requests per second or sessions in flight. @default {"rate"} */
  of?: "rate" | "concurrency";
  /** First level. @default {1} */
  from?: number;
  /** Highest level. @default {100000} */
  max?: number;
  /** Arrivals of a level of a rate. @default {"poisson"} */
  process?: "poisson" | "constant";
  /** Width of the interval at which the search ends: 0.1 for high ÷ low ≤ 1.1. @default {0.1} */
  tolerance?: number;
  /** Longest time for which a level is measured, in milliseconds. @default {60000} */
  levelTimeMs?: number;
  /** Longest time of the whole search, in milliseconds. @default {900000} */
  maxTimeMs?: number;
  /** Idle time before each level, in milliseconds. @default {5000} */
  settleMs?: number;
}

/** No machine has sockets for more, and no client sends more requests a second. */
const MAX_LEVEL = 100_000;

/**
 * Searches for the highest rate, or number of streams, at which the server keeps every SLO. Levels double until one is
 * missed, then the interval is cut in half until it is narrow. docs/capacity.md describes the statistics.
 *
 * @example Usage
 * ```ts
 * import { search } from "@earshot/earshot";
 *
 * const load = search({ of: "concurrency", from: 8 });
 * ```
 */
export const search: LoadPlugin<SearchOptions> = defineLoad({
  name: "search",
  summary: "The highest rate or number of streams that keeps every SLO",
  primary: "of",
  options: z.strictObject({
    of: z.enum(["rate", "concurrency"]).default("rate").describe(
      "Levels: requests a second, or sessions in flight",
    ),
    from: z.number().positive("must be above 0").max(MAX_LEVEL).default(1)
      .describe("First level"),
    max: z.number().positive("must be above 0").max(MAX_LEVEL)
      .default(MAX_LEVEL).describe("Highest level"),
    process: z.enum(["poisson", "constant"]).default("poisson").describe(
      "Arrivals of a level of a rate",
    ),
    tolerance: z.number().min(0.01).max(1).default(0.1).describe(
      "Width of the interval at which the search ends: 0.1 for high ÷ low ≤ 1.1",
    ),
    levelTimeMs: z.number().min(1000, "must be at least 1 s").default(60_000)
      .describe("Longest time for which a level is measured"),
    maxTimeMs: z.number().min(1000, "must be at least 1 s").default(900_000)
      .describe("Longest time of the search"),
    settleMs: z.number().nonnegative().max(600_000).default(5000).describe(
      "Idle time before each level",
    ),
  }).refine(({ from, max }) => from <= max, {
    path: ["from"],
    message: "must be at most max",
  }).refine(({ of, from }) => of === "rate" || Number.isInteger(from), {
    path: ["from"],
    message: "must be a whole number of streams",
  }),
  profile: (options) => (stream, rules) =>
    searchCapacity(options, stream, rules),
});
