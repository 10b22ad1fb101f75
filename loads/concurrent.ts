import { z } from "zod";
import { defineLoad, type LoadPlugin } from "../plugins/mod.ts";
import { MAX_TIME_MS, streamCount } from "./options.ts";

/** Options of {@linkcode concurrent}. */
export interface ConcurrentOptions {
  /** Sessions in flight; one stage for each number. */
  streams: number[];
  /** Time over which the first sessions start, in milliseconds; 0 starts all at once. @default a second, or less in a short stage */
  spreadMs?: number | undefined;
}

/**
 * Closed loop: a fixed number of sessions in flight at any time; one stage for each number.
 *
 * @example Usage
 * ```ts
 * import { concurrent } from "@earshot/earshot";
 *
 * const load = concurrent({ streams: [1, 8, 32] });
 * ```
 */
export const concurrent: LoadPlugin<ConcurrentOptions> = defineLoad({
  name: "concurrent",
  summary: "Closed loop: a fixed number of sessions in flight at any time",
  primary: "streams",
  options: z.strictObject({
    streams: z.array(streamCount).min(1, "must name at least one")
      .meta({ examples: [[1, 8, 32]] })
      .describe("Sessions in flight; a stage for each number"),
    spreadMs: z.number().nonnegative().max(MAX_TIME_MS).optional().describe(
      "Time over which the first sessions start; 0: all at once",
    ),
  }),
  profile: ({ streams, spreadMs }) =>
    function* () {
      const spread = spreadMs === undefined ? {} : { spreadMs };
      for (const concurrency of streams) {
        yield {
          name: concurrency === 1 ? "1 stream" : `${concurrency} streams`,
          load: {
            kind: "concurrent",
            concurrency,
            ...spread,
          },
          arrivals: { concurrency, ...spread },
        };
      }
    },
});

/** Closed loop: one session at a time, each after the one before has ended. The latency of a server without load. */
export const sync: LoadPlugin<Record<never, never>> = defineLoad({
  name: "sync",
  summary: "Closed loop: one session at a time, for latency without load",
  options: z.strictObject({}),
  profile: () =>
    function* () {
      yield {
        name: "sync",
        load: { kind: "sync", concurrency: 1 },
        arrivals: { concurrency: 1 },
      };
    },
});

/** Options of {@linkcode throughput}. */
export interface ThroughputOptions {
  /** Sessions in flight. @default {256} */
  maxInFlight?: number | undefined;
}

/** Closed loop: as many sessions in flight as allowed, for the largest throughput of a server. */
export const throughput: LoadPlugin<ThroughputOptions> = defineLoad({
  name: "throughput",
  summary: "Closed loop: as many sessions as allowed, for the most throughput",
  primary: "maxInFlight",
  options: z.strictObject({
    maxInFlight: streamCount.default(256).describe("Sessions in flight"),
  }),
  profile: ({ maxInFlight: concurrency }) =>
    function* () {
      yield {
        name: `throughput, ${concurrency} in flight`,
        load: { kind: "throughput", concurrency },
        arrivals: { concurrency },
      };
    },
});
