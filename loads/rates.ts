import { z } from "zod";
import type { LoadProfile, Random, StandardSchemaV1 } from "../plugins/mod.ts";

/** Options of the open-loop loads, {@linkcode constant} and {@linkcode poisson}. */
export interface RateOptions {
  /** Mean starts per second; one stage for each number. */
  rates: number[];
  /** Arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  maxInFlight?: number | undefined;
}

/** Schema of {@linkcode RateOptions}. */
export const rateOptions: StandardSchemaV1<RateOptions> = z.strictObject({
  rates: z.array(z.number().positive("must be above 0"))
    .min(1, "must name at least one")
    .describe("Requests a second; a stage for each number"),
  maxInFlight: z.int().positive("must be above 0").optional()
    .describe("Arrivals beyond this many in flight are dropped and counted"),
});

/** Returns a profile with one open-loop stage for each rate. */
export function rateProfile(
  kind: string,
  { rates, maxInFlight }: RateOptions,
  arrivals: (ratePerSecond: number, random: Random) => Iterable<number>,
): LoadProfile {
  return function* (stream) {
    for (const [i, ratePerSecond] of rates.entries()) {
      yield {
        name: `${kind} ${ratePerSecond}/s`,
        load: {
          kind,
          ratePerSecond,
          ...(maxInFlight !== undefined && { maxInFlight }),
        },
        arrivals: arrivals(ratePerSecond, stream(`arrivals/${i}`)),
        ...(maxInFlight !== undefined && { maxInFlight }),
      };
    }
  };
}
