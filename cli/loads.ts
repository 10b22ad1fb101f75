import { z } from "zod";
import { concurrent, type LoadProfile, openLoop } from "../core/load.ts";
import { UsageError } from "../plugins/mod.ts";
import { coerceSpec, parseSpec } from "./spec.ts";

/** One kind of load on the command line. */
interface LoadKind<Options> {
  readonly summary: string;
  readonly primary: string;
  readonly options: z.ZodType<Options>;
  readonly profile: (options: Options) => LoadProfile;
}

const rates = z.strictObject({
  rates: z.array(z.number().positive()).min(1).describe(
    "requests a second; a stage for each",
  ),
  maxInFlight: z.int().positive().optional().describe(
    "arrivals beyond this many in flight are dropped and counted",
  ),
});

const streams = z.strictObject({
  streams: z.array(z.int().positive()).min(1).describe(
    "sessions in flight; a stage for each",
  ),
});

/** Every load, by its name on the command line. */
export const loads = {
  concurrent: kind({
    summary: "Closed loop: so many sessions in flight at any time",
    primary: "streams",
    options: streams,
    profile: ({ streams }) => concurrent(streams),
  }),
  constant: kind({
    summary: "Open loop: starts at even gaps, whatever the server does",
    primary: "rates",
    options: rates,
    profile: ({ rates, maxInFlight }) =>
      openLoop("constant", rates, inFlight(maxInFlight)),
  }),
  poisson: kind({
    summary: "Open loop: independent starts at exponentially distributed gaps",
    primary: "rates",
    options: rates,
    profile: ({ rates, maxInFlight }) =>
      openLoop("poisson", rates, inFlight(maxInFlight)),
  }),
} as const;

function inFlight(maxInFlight: number | undefined) {
  return maxInFlight === undefined ? {} : { maxInFlight };
}
