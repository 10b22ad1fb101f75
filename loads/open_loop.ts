import { z } from "zod";
import {
  constantArrivals,
  defineLoad,
  type LoadPlugin,
  poissonArrivals,
} from "../plugins/mod.ts";

/** Options of the open-loop loads, {@linkcode constant} and {@linkcode poisson}. */
export interface RateOptions {
  /** Mean starts per second; one stage for each number. */
  rates: number[];
  /** Arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  maxInFlight?: number | undefined;
}

/** Open loop: requests start at even gaps, whatever the server does; one stage for each rate. */
export const constant: LoadPlugin<RateOptions> = openLoop(
  "constant",
  "Open loop: starts at even gaps, whatever the server does",
  constantArrivals,
);

/** Open loop: requests start independently, at exponentially distributed gaps; one stage for each rate. */
export const poisson: LoadPlugin<RateOptions> = openLoop(
  "poisson",
  "Open loop: independent starts, at exponentially distributed gaps",
  poissonArrivals,
);

function openLoop(
  name: string,
  summary: string,
  arrivals: typeof poissonArrivals,
): LoadPlugin<RateOptions> {
  return defineLoad({
    name,
    summary,
    primary: "rates",
    options: z.strictObject({
      rates: z.array(z.number().positive("must be above 0"))
        .min(1, "must name at least one")
        .describe("Requests a second; a stage for each number"),
      maxInFlight: z.int().positive("must be above 0").optional()
        .describe(
          "Arrivals beyond this many in flight are dropped and counted",
        ),
    }),
    profile: ({ rates, maxInFlight }) =>
      function* (stream) {
        const limit = maxInFlight === undefined ? {} : { maxInFlight };
        for (const [i, ratePerSecond] of rates.entries()) {
          yield {
            name: `${name} ${ratePerSecond}/s`,
            load: { kind: name, ratePerSecond, ...limit },
            arrivals: arrivals(ratePerSecond, stream(`arrivals/${i}`)),
            ...limit,
          };
        }
      },
  });
}
