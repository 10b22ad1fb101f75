import { z } from "zod";
import { defineLoad, type LoadPlugin } from "../plugins/mod.ts";

/** Options of {@linkcode replay}. */
export interface ReplayOptions {
  /** A trace, which is the data unless other data is given. @default {the data of the run, which must have times} */
  path?: string | undefined;
  /** Recorded time ÷ time of the run: 2 offers the traffic in half the time. @default {1} */
  speed?: number;
  /** Sessions beyond this many in flight are dropped and counted. @default {Infinity} */
  maxInFlight?: number | undefined;
}

/**
 * Open loop: each session starts at the time at which it was recorded, whatever the server does.
 *
 * @example Usage
 * ```ts
 * import { replay, trace } from "@earshot/earshot";
 *
 * const dataset = trace({ path: "./conversation_trace.jsonl" });
 * const load = replay({ speed: 2 });
 * ```
 */
export const replay: LoadPlugin<ReplayOptions> = defineLoad({
  name: "replay",
  summary: "Open loop: starts at recorded times, from a trace or other data",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).optional().describe(
      "A trace, read by the dataset trace (default: the run's data, which must have times)",
    ),
    speed: z.number().positive("must be above 0").default(1).describe(
      "Recorded time ÷ time of the run: 2 offers the traffic in half the time",
    ),
    maxInFlight: z.int().positive("must be above 0").optional().describe(
      "Sessions beyond this many in flight are dropped and counted",
    ),
  }),
  data: ({ path }) =>
    path === undefined ? undefined : { use: "trace", with: { path } },
  profile: ({ speed, maxInFlight }) =>
    function* () {
      const limit = maxInFlight === undefined ? {} : { maxInFlight };
      yield {
        name: speed === 1 ? "replay" : `replay at ${speed}×`,
        load: { kind: "replay", speed, ...limit },
        arrivals: { speed },
        ...limit,
      };
    },
});
