import { z } from "zod";
import {
  count,
  fields,
  optional,
  positiveCount,
  text,
} from "./schema_fields.ts";

const capacity = z.object({
  of: z.enum(["rate", "concurrency"]).describe(
    "Unit of the levels: requests per second, or sessions in flight",
  ),
  status: z.enum(["found", "at-least", "below", "undecided", "not-monotone"]),
  low: z.number().exactOptional().describe("Highest level that kept all SLOs"),
  high: z.number().exactOptional().describe(
    "Lowest level above it that missed one",
  ),
  confidence: z.number().min(0).max(1),
  slos: z.array(text).readonly(),
  levels: z.array(z.object({
    level: z.number().positive(),
    stage: count.describe("Index of its stage"),
    outcome: z.enum([
      "pass",
      "fail",
      "undecided",
      "client-limited",
      "failed",
    ]),
    reason: text,
  })).readonly(),
  ended: text.exactOptional().describe(
    "Why the search ended before the interval was narrow",
  ),
}).meta({
  id: "capacity",
  description: "The load that a server takes within its SLOs",
});

/** Schema of the results of searches. */
export const capacities = z.array(capacity).readonly().exactOptional();

const interval = z.object(fields(z.number(), "mean", "lower", "upper")).meta({
  id: "repeatInterval",
  description: "Mean of the values of the runs, with Student's t interval",
});

/** Schema of the stages over the repetitions of a run. */
export const repeats = z.array(z.object({
  stage: text.describe("Name of the stage"),
  runs: positiveCount.describe("Number of repetitions"),
  confidence: z.number().min(0).max(1),
  metrics: z.record(
    text,
    z.object({
      unit: text,
      ...optional(interval, "mean", "p50", "p90", "p95", "p99"),
    }),
  ),
  rates: z.record(text, interval),
})).readonly().exactOptional();
