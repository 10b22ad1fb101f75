import { z } from "zod";
import {
  constantArrivals,
  defineLoad,
  gammaArrivals,
  type LoadPlugin,
  poissonArrivals,
  type Stage,
} from "../plugins/mod.ts";
import { maxInFlight, rate } from "./options.ts";

/** Options of the open-loop loads, {@linkcode constant} and {@linkcode poisson}. */
export interface RateOptions {
  /** Mean starts per second; one stage for each number. */
  rates: number[];
  /** Arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  maxInFlight?: number | undefined;
}

/** Options of {@linkcode gamma}. */
export interface GammaOptions extends RateOptions {
  /** Shape of the gaps' distribution: 1 is a Poisson process, less is burstier, more is more even. @default {1} */
  burstiness?: number | undefined;
}

const rateOptions = z.strictObject({
  rates: z.array(rate).min(1, "must name at least one")
    .meta({ examples: [[10, 20]] })
    .describe("Requests a second; a stage for each number"),
  maxInFlight,
});

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

/** Open loop: the gaps between starts have a gamma distribution; one stage for each rate. */
export const gamma: LoadPlugin<GammaOptions> = defineLoad({
  name: "gamma",
  summary: "Open loop: burstier or more even starts, at gamma-distributed gaps",
  primary: "rates",
  options: rateOptions.extend({
    burstiness: z.number().min(0.01).max(1000).default(1).describe(
      "Shape of the gaps' distribution: 1 is Poisson, less is burstier",
    ),
  }),
  profile: ({ burstiness, ...options }) =>
    function* (stream) {
      for (const [i, ratePerSecond] of options.rates.entries()) {
        const draw = stream(`arrivals/${i}`);
        const stage = stageOf("gamma", ratePerSecond, options);
        yield {
          ...stage,
          name: `${stage.name}, burstiness ${burstiness}`,
          load: { ...stage.load, burstiness },
          arrivals: gammaArrivals(ratePerSecond, burstiness, draw),
        };
      }
    },
});

function openLoop(
  name: string,
  summary: string,
  arrivals: typeof poissonArrivals,
): LoadPlugin<RateOptions> {
  return defineLoad({
    name,
    summary,
    primary: "rates",
    options: rateOptions,
    profile: (options) =>
      function* (stream) {
        for (const [i, ratePerSecond] of options.rates.entries()) {
          yield {
            ...stageOf(name, ratePerSecond, options),
            arrivals: arrivals(ratePerSecond, stream(`arrivals/${i}`)),
          };
        }
      },
  });
}

/** A stage at a rate, without its arrivals. */
function stageOf(
  kind: string,
  ratePerSecond: number,
  { maxInFlight }: Pick<RateOptions, "maxInFlight">,
): Omit<Stage, "arrivals"> {
  const limit = maxInFlight === undefined ? {} : { maxInFlight };
  return {
    name: `${kind} ${ratePerSecond}/s`,
    load: { kind, ratePerSecond, ...limit },
    ...limit,
  };
}
