import { z } from "zod";
import type {
  RunConfigInput,
  RunStopRules,
  StopRules,
} from "../core/config.ts";
import { parseDuration, parseShare } from "../lib/units.ts";

const TIME = "must be a number of milliseconds, or a text with ms, s, m or h";

const time = z.union([
  z.number().nonnegative(),
  z.string().refine((text) => parseDuration(text) !== undefined, TIME),
], TIME);

const positiveTime = time.refine(
  (value) => value !== 0 && parseDuration(String(value)) !== 0,
  "must be above 0",
);

const SHARE = "must be a share such as 5% or 0.05";

const share = z.union([
  z.number().nonnegative(),
  z.string().refine((text) => parseShare(text) !== undefined, SHARE),
], SHARE);

const limit = share.refine((value) => {
  const limit = typeof value === "number" ? value : parseShare(value)!;
  return limit > 0 && limit <= 1;
}, "must be above 0 and at most 1");

const number = z.int().positive("must be above 0");

const runRules = {
  durationMs: positiveTime.exactOptional().describe(
    "Length of the run, from its first request on",
  ),
  requests: number.exactOptional().describe(
    "Requests to start, in all stages and their warm-ups",
  ),
  errors: number.exactOptional().describe("Failed requests that end it"),
  errorRate: limit.exactOptional().describe(
    "Share of failed requests that ends it, once 30 have ended",
  ),
  recentErrorRate: limit.exactOptional().describe(
    "Share of failed requests among the last ones that ends it",
  ),
  recentErrorWindow: number.exactOptional().describe(
    "Number of requests that recentErrorRate looks back on (default: 30)",
  ),
  saturation: z.boolean().exactOptional().describe(
    "Whether a queue that grows steadily ends it (default: false)",
  ),
};

/** Schema of the rules that end a run. */
export const runStopRulesSchema: z.ZodType<
  NonNullable<RunConfigInput["stopRun"]>
> = z.strictObject(runRules);

/** Schema of the rules that end a stage. */
export const stopRulesSchema: z.ZodType<NonNullable<RunConfigInput["stop"]>> = z
  .strictObject({
    ...runRules,
    warmupMs: time.exactOptional().describe("Load offered before measuring"),
    warmupRequests: number.exactOptional().describe(
      "Requests to start before measuring",
    ),
    warmupShare: share.exactOptional().describe(
      "Length of the warm-up as a share of the duration, or else of the requests",
    ),
    warmupAuto: z.boolean().exactOptional().describe(
      "Whether measuring begins when the load is steady, after warmupMs or 60 s at the latest",
    ),
    durationMs: positiveTime.exactOptional().describe(
      "Length of the measured window",
    ),
    requests: number.exactOptional().describe(
      "Requests to start in the measured window",
    ),
    cooldownMs: time.exactOptional().describe(
      "Load offered after the measured window",
    ),
    cooldownRequests: number.exactOptional().describe(
      "Requests to start after the measured window",
    ),
    cooldownShare: share.exactOptional().describe(
      "Length of the cool-down as a share of the duration, or else of the requests",
    ),
    cooldownAuto: z.boolean().exactOptional().describe(
      "Whether load is offered until the requests of the window have ended",
    ),
    drainMs: time.exactOptional().describe(
      "Time for requests in flight once no more are started",
    ),
    silenceMs: positiveTime.exactOptional().describe(
      "Time without anything sent or received that ends the stage (default: 1h)",
    ),
  });

/** Rules as they are written, with their units converted. */
export function stopRulesOf(
  rules: RunConfigInput["stop"] | RunConfigInput["stopRun"] = {},
): StopRules & RunStopRules {
  return Object.fromEntries(
    Object.entries(rules).map(([name, value]) => [name, plain(name, value)]),
  );
}

function plain(name: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  return name.endsWith("Ms") ? parseDuration(value) : parseShare(value);
}
