import { z } from "zod";
import { runConfigJsonSchema } from "../plugins/config.ts";
import { capacities, repeats } from "./run_results_schema.ts";
import { failure, marks, sample, tokenCounter } from "./sample_schema.ts";
import {
  count,
  facts,
  fields,
  ms,
  optional,
  positiveCount,
  size,
  text,
} from "./schema_fields.ts";

const summary = z.object({
  n: positiveCount.describe("Number of values"),
  mean: z.number().describe("Arithmetic mean"),
  sd: size.exactOptional().describe(
    "Sample standard deviation, from two values on",
  ),
  min: z.number(),
  p5: z.number().describe("Quantile by linear interpolation (type 7)"),
  ...fields(z.number(), "p50", "p90", "p95", "p99", "p999", "max"),
  quantileError: size.exactOptional().describe(
    "Largest relative error of the quantiles if not every value was kept",
  ),
}).meta({ id: "summary", description: "Statistics of one metric" });

const units = ["ms", "s", "tokens", "tokens/s", "ratio", "count"] as const;

const metric = z.object({
  unit: z.enum(units),
  ...summary.shape,
  valuesNeeded: z.object(
    optional(positiveCount, "p5", "p50", "p90", "p95", "p99", "p999"),
  ).exactOptional().describe(
    "Quantiles of too few values, each with the number that it needs",
  ),
})
  .meta({ id: "metric", description: "A metric's unit and statistics" });

const errorRate = z.object({
  value: size.exactOptional().describe("(s + d + i) / n"),
  s: count.describe("Substitutions"),
  d: count.describe("Deletions"),
  i: count.describe("Insertions"),
  n: count.describe("Units in the references"),
  normalizer: text,
  utterances: count.describe("Requests compared"),
  emptyReferenceInsertions: count,
}).meta({ id: "errorRate", description: "A rate of word or character errors" });

const failureNote = z.object({
  ...failure.omit({ retryAfterMs: true }).shape,
  message: text.describe("Message of the first failure of its kind"),
  count: positiveCount,
});

const counts = z.object({
  ...fields(count, "ok", "error", "timeout", "cancelled"),
  dropped: count.describe("Arrivals that never started"),
  emptyOutputs: count.describe("Of ok: those with an empty answer"),
  retried: count.describe("Sent again on a new connection, of any outcome"),
  throttled: count.default(0).describe("Of error: answered 429 or 503"),
  warmup: count.describe("Requests due before the measured window"),
  cooldown: count.exactOptional().describe(
    "Requests due after the measured window",
  ),
  endedInWindow: count.exactOptional().describe(
    "Requests that ended ok in the window, whenever they were due",
  ),
  failures: z.record(text, positiveCount).describe(
    "Requests that did not end ok, by class",
  ),
}).describe("Requests of the measured window, by outcome");

const shareSummary = z.object({
  ...summary.shape,
  added: z.object(fields(ms, "p50", "p90", "p99")).describe(
    "By how much the percentiles of the metric can be too high",
  ),
  maxAtMs: ms.describe("When the request with the largest share was sent"),
}).meta({
  id: "share",
  description: "Upper bounds of the client's part of a metric, in ms",
});

const client = z.object({
  ...optional(summary, "scheduleLag", "chunkLateness", "turnaround"),
  ...optional(summary, "loopDelay"),
  method: z.enum(["arrivals", "scheduler", "timers"]).exactOptional().describe(
    "What the shares rest on",
  ),
  ...optional(shareSummary, "ttftShare", "latencyShare"),
  ...optional(shareSummary, "responseTimeShare", "finalizationShare"),
  ...optional(summary, "rtt", "connectAhead"),
  queued: size.exactOptional().describe(
    "Time that the thread waited for a processor / wall time",
  ),
  chunkMs: z.number().positive().exactOptional(),
  cpu: size.exactOptional().describe("Processor time / wall time"),
  rssBytes: size.exactOptional(),
}).meta({ id: "client", description: "Load of the client machine" });

const load = facts.describe("The load setting");

const share = z.number().min(0).max(1);

const window = z.object({
  ...fields(ms, "stageStartMs", "startMs", "endMs", "warmupMs"),
  warmupEnd: z.enum(["requests", "steady", "limit"]).exactOptional().describe(
    "What ended the warm-up, if not its time",
  ),
  cooldownMs: ms.exactOptional(),
}).meta({
  id: "window",
  description: "The measured part of a stage, in ms on the run's clock",
});

const stopped = z.enum([
  "duration",
  "requests",
  "data",
  "errors",
  "errorRate",
  "recentErrorRate",
  "saturation",
  "silence",
  "decided",
  "interrupted",
])
  .describe("Why the stage ended");

const stopCause = z.object({
  scope: z.enum(["stage", "run"]).describe("Whose rule it is"),
  value: z.number().describe("Value that was reached"),
  limit: z.number().exactOptional(),
  of: positiveCount.exactOptional().describe(
    "Number of requests that the value was taken from",
  ),
  metric: text.exactOptional().describe(
    "What grew: inFlight, or the name of a metric in ms",
  ),
  from: z.number().exactOptional().describe("Mean of its first third"),
}).meta({
  id: "stopCause",
  description: "Numbers of the rule that ended a stage",
});

const tokenCounts = z.partialRecord(tokenCounter, positiveCount);

const runStopRules = z.object({
  ...optional(ms, "durationMs"),
  ...optional(count, "requests", "errors", "recentErrorWindow"),
  ...optional(share, "errorRate", "recentErrorRate"),
  ...optional(z.boolean(), "saturation"),
}).meta({ id: "runStopRules", description: "When a run ends" });

const stopRules = z.object({
  ...runStopRules.shape,
  ...optional(ms, "warmupMs", "cooldownMs", "drainMs", "silenceMs"),
  ...optional(count, "warmupRequests", "cooldownRequests"),
  ...optional(size, "warmupShare", "cooldownShare"),
  ...optional(z.boolean(), "warmupAuto", "cooldownAuto"),
}).meta({ id: "stopRules", description: "When a stage ends" });

const rates = z.object({
  errorRate: share.exactOptional(),
  ...optional(size, "requestsPerSecond", "goodput", "inputTokensPerSecond"),
  ...optional(size, "outputTokensPerSecond", "embeddingsPerSecond"),
  ...optional(size, "rtfxAggregate"),
});

const bounds = z.object(fields(z.number(), "lower", "upper"))
  .meta({ id: "bounds", description: "A confidence interval" });

const quantileBounds = z.object(optional(bounds, "p50", "p90", "p95", "p99"));

const withinRunIntervals = z.object({
  confidence: z.number().describe("Probability that an interval is right"),
  metrics: z.record(text, quantileBounds).describe("Of quantiles"),
  rates: z.record(text, bounds),
  quality: z.object(optional(bounds, "wer", "cer")),
}).meta({
  id: "withinRunIntervals",
  description: "Confidence intervals from the spread within one run",
});

const arrivals = z.object({
  n: positiveCount,
  ratePerSecond: size,
  dispersion: size.exactOptional().describe(
    "Variance / mean of the counts in windows of 20 arrivals",
  ),
  gapCorrelation: z.number().exactOptional().describe(
    "Correlation of neighbouring gaps",
  ),
}).meta({
  id: "arrivals",
  description: "How requests really arrived in the measured window",
});

const points = z.array(size).readonly();
const gaps = z.array(z.number().nullable()).readonly();
const seriesQuantiles = z.object(fields(gaps, "p50", "p95")).meta({
  id: "seriesQuantiles",
  description: "null where no request ended",
});

const series = z.object({
  ...fields(ms, "startMs", "widthMs"),
  ...fields(points, "requestsPerSecond", "errors"),
  inFlight: z.array(z.number()).readonly(),
  ...optional(points, "outputTokensPerSecond"),
  ...optional(seriesQuantiles, "ttft", "itl", "latency", "finalization"),
  clientShare: seriesQuantiles.pick({ p95: true }).exactOptional(),
}).meta({
  id: "series",
  description: "What happened over time: a list with a number per interval",
});

const sloResult = z.object({
  objective: text.describe("ttft.p95<200ms"),
  metric: text.describe("Name of the metric or rate in the report"),
  quantile: text.exactOptional().describe(
    "Statistic of the metric; absent for a number of the whole stage",
  ),
  limit: z.number().describe("In the unit"),
  unit: z.enum([...units, "share", "/s"]).describe(
    "Unit of limit and value; a share is a fraction of 1",
  ),
  value: z.number().exactOptional().describe(
    "Measured value; absent if nothing was measured",
  ),
  n: count.describe("Number of values that were measured"),
  pass: z.boolean(),
  reason: text.exactOptional().describe(
    "Why there is no value, or too few for the quantile",
  ),
});

const repeat = positiveCount.exactOptional().describe(
  "Number of the repetition, if the run was repeated",
);

const stage = z.object({
  name: text,
  repeat,
  load,
  stop: stopRules.exactOptional().describe(
    "Rules of this stage alone: each replaces the run's",
  ),
  window,
  stopped,
  stopCause: stopCause.exactOptional(),
  counts,
  failures: z.array(failureNote).max(10).readonly(),
  warmupFailures: z.array(failureNote).max(10).readonly().exactOptional(),
  metrics: z.record(text.regex(/^[a-z][A-Za-z0-9]*$/), metric).describe(
    "By metric name; only requests that ended ok",
  ),
  rates,
  tokenCounts: z.object(optional(tokenCounts, "input", "output"))
    .exactOptional().describe(
      "Number of answered requests by the source of their token counts",
    ),
  quality: z.object(optional(errorRate, "wer", "cer")),
  withinRunIntervals: withinRunIntervals.exactOptional(),
  arrivals: arrivals.exactOptional(),
  series: series.exactOptional(),
  client,
  slo: z.array(sloResult).readonly().exactOptional().describe(
    "Whether the stage kept each SLO of the run",
  ),
  notes: z.array(text).readonly().exactOptional().describe(
    "What a reader of the numbers must know",
  ),
  verdict: z.object({
    status: z.enum(["valid", "client-limited", "too-few-samples", "failed"]),
    reasons: z.array(text).readonly(),
    maxClientShare: size.exactOptional().describe(
      "Limit of the client's share, if it is not 0.1",
    ),
  }),
}).meta({ id: "stage", description: "The result of one stage" });

const plugin = z.object({
  use: text.min(1).describe(
    "Built-in name, file or URL; inline:NAME for a plugin from code",
  ),
  with: facts.describe("Options, defaults resolved and secrets hidden"),
}).meta({ id: "plugin", description: "A plugin and its options" });

const runConfig = z.object({
  version: z.literal(1),
  backend: plugin,
  data: z.array(plugin).readonly(),
  load: z.union([plugin, z.array(plugin).min(1).readonly()]).describe(
    "Several are run one after another",
  ),
  repeat: positiveCount.exactOptional(),
  stop: stopRules,
  stopRun: runStopRules.exactOptional(),
  slos: z.array(text).readonly(),
  ...optional(z.number(), "maxClientShare"),
  minSamples: z.union([positiveCount, z.literal("mlperf")]).exactOptional(),
  ...optional(z.boolean(), "probeRtt"),
  seed: z.number(),
  normalizer: z.enum(["none", "basic"]),
  strict: z.boolean(),
  reports: z.array(plugin).readonly(),
}).meta({
  id: "runConfig",
  description: "The configuration, which earshot run --config runs again",
});

const runInfo = {
  earshot: z.object({
    version: text.min(1),
    ...optional(text, "deno", "os", "cpu"),
    cores: positiveCount.exactOptional(),
  }).describe("Versions of the program and the machine"),
  run: z.object({
    id: text.min(1),
    startedAt: text.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
      .describe("Time 0 of the run's clock: ISO 8601, in UTC"),
    epochMs: z.number().positive().describe("The same, in ms since 1970"),
    loadingMs: ms,
    config: runConfig,
    facts: z.object({
      ...optional(facts, "backend", "data"),
      names: z.record(text, text).exactOptional().describe(
        "Names of the plugins that were loaded from a file or a URL, by their use",
      ),
    }).describe("Facts that the plugins reported when they were open"),
  }).describe("Everything needed to run it again"),
};

const skipped = z.object({
  count,
  items: z.array(z.object(fields(text, "id", "reason"))).max(20).readonly(),
}).meta({ id: "skipped", description: "Data that could not be used" });

const error = z.string().exactOptional();

/** Schema of the JSON reporter's document. */
export const reportSchema = z.object({
  schema: z.literal("earshot.report/2"),
  capacities,
  ...runInfo,
  repeats,
  stages: z.array(stage).readonly(),
  skipped,
  interrupted: z.boolean(),
  error,
});

/** Schema of a line of the JSONL reporter. */
export const savedLineSchema = z.discriminatedUnion("schema", [
  z.object({ schema: z.literal("earshot.samples/2"), ...runInfo }).meta({
    id: "run",
    description: "The first line: what was known when the run began",
  }),
  z.object({ schema: z.literal("earshot.sample/1"), ...sample }).meta({
    id: "sample",
    description: "One request; times in ms on the run's clock",
  }),
  z.object({
    schema: z.literal("earshot.stage/1"),
    index: count,
    name: z.string(),
    repeat,
    load,
    window,
    stop: stopRules.exactOptional(),
    stopped,
    stopCause: stopCause.exactOptional(),
    dropped: count,
    client,
  }).meta({ id: "savedStage", description: "The end of a stage" }),
  z.object({
    schema: z.literal("earshot.end/1"),
    interrupted: z.boolean(),
    error,
    skipped,
    capacities,
  }).meta({ id: "end", description: "The last line" }),
]);

/** Keys of the parts that tables have a column for, in order. */
export const keys = {
  summary: keysOf(summary),
  arrivals: keysOf(arrivals),
  counts: keysOf(counts),
  rates: keysOf(rates),
  errorRate: keysOf(errorRate),
  marks: keysOf(marks),
};

function keysOf<S extends z.ZodObject>({ shape }: S): (keyof S["shape"])[] {
  return Object.keys(shape);
}

/**
 * Returns the published JSON Schemas by file name. They are open, as a later version may add keys without a new number.
 *
 * @param closed Whether unknown keys are rejected: the schemas then describe this version exactly.
 */
export function publishedSchemas(
  closed = false,
): Record<string, Record<string, unknown>> {
  const io = closed ? "output" : "input";
  return {
    "report.schema.json": {
      ...z.toJSONSchema(reportSchema, { io }),
      $id: "urn:earshot:schema:report:2",
      title: "Report of an earshot run",
    },
    "config.schema.json": runConfigJsonSchema(),
    "sample.schema.json": {
      ...z.toJSONSchema(savedLineSchema, { io }),
      $id: "urn:earshot:schema:sample:2",
      title: "Line of a file of earshot samples",
    },
  };
}
