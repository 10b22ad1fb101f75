import { z } from "zod";
import { defineLoad, type LoadPlugin } from "../plugins/mod.ts";

/** Options of {@linkcode concurrent}. */
export interface ConcurrentOptions {
  /** Sessions in flight; one stage for each number. */
  streams: number[];
  /** Time over which the first sessions start, in milliseconds; 0 starts all at once. @default a second, or less in a short stage */
  spreadMs?: number | undefined;
}

/** Each stream costs memory and a socket, and no machine has sockets for more. */
const MAX_STREAMS = 100_000;

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
    streams: z.array(
      z.int().positive("must be above 0")
        .max(MAX_STREAMS, `must be at most ${MAX_STREAMS}`),
    ).min(1, "must name at least one")
      .describe("Sessions in flight; a stage for each number"),
    spreadMs: z.number().nonnegative().optional().describe(
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
