import { z } from "zod";
import type {
  NormalizerName,
  PluginConfig,
  PluginConfigInput,
  RunConfig,
  RunConfigInput,
} from "../core/config.ts";
import { type Problem, UsageError } from "../core/errors.ts";
import { normalizers } from "../core/quality.ts";
import { parseSlos } from "../core/slo.ts";
import { conflictOf } from "../core/stop/stop_rules.ts";
import { isRecord } from "../lib/record.ts";
import { redact, redactUrl } from "../lib/redact.ts";
import { isFile, type PluginLoader } from "./load.ts";
import { dataOfRun } from "./load_data.ts";
import { resolvePath, resolvePaths, withDefaults } from "./option_values.ts";
import type { Configured, Definition, Kind } from "./plugin.ts";
import { PluginChecks, type PluginChecksOptions } from "./plugin_checks.ts";
import { explain, problemsError } from "./problems.ts";
import { jsonSchemaOf } from "./schema.ts";
import {
  runStopRulesSchema,
  stopRulesOf,
  stopRulesSchema,
} from "./stop_rules.ts";

const plugin = z.strictObject({
  use: z.string().min(1).describe("Built-in name, file or URL of the plugin"),
  with: z.record(z.string(), z.json()).exactOptional().describe(
    "Options of the plugin: see earshot info NAME",
  ),
}).meta({ id: "plugin", description: "A plugin and its options" });

const names = Object.keys(normalizers) as [NormalizerName, ...NormalizerName[]];

const MAX_REPEATS = 1000;

/** Returns the schema of a configuration as it is written. */
function schemaWith(load: z.ZodType): z.ZodType<RunConfigInput> {
  return z.strictObject({
    version: z.literal(1).describe("Version of this format"),
    backend: plugin.exactOptional().describe("Sends requests to a model"),
    data: z.array(plugin).min(1, "must name at least one dataset").readonly()
      .exactOptional()
      .describe("Datasets; several are joined column by column"),
    load: load.exactOptional().describe(
      "Decides when requests start; the stages of several follow each other",
    ),
    repeat: z.int().positive("must be above 0").max(MAX_REPEATS).exactOptional()
      .describe(
        "How often all stages are run, with another seed each time (default: 1)",
      ),
    stop: stopRulesSchema.exactOptional().describe("Rules that end each stage"),
    stopRun: runStopRulesSchema.exactOptional().describe(
      "Rules that end the run, whichever stage goes on",
    ),
    slos: z.array(z.string()).readonly().exactOptional().describe(
      "Objectives that every stage must meet: ttft.p95<200ms",
    ),
    maxClientShare: z.number().positive("must be above 0").max(1)
      .exactOptional()
      .describe(
        "Largest share of a headline metric that may be the client's own in a valid stage (default: 0.1)",
      ),
    minSamples: z.union(
      [z.int().positive(), z.literal("mlperf")],
      'must be a whole number from 1 on, or "mlperf"',
    ).exactOptional().describe(
      "Number of values below which a percentile has too few, or MLPerf's numbers",
    ),
    probeRtt: z.boolean().exactOptional().describe(
      "Whether round trips of the network are measured before and after each stage (default: false)",
    ),
    seed: z.int().nonnegative().exactOptional().describe(
      "Seed of the data's order and of arrivals (default: 1)",
    ),
    normalizer: z.enum(names).exactOptional().describe(
      "Normalizer of texts before words are compared (default: basic)",
    ),
    strict: z.boolean().exactOptional().describe(
      "Whether one item of the data that cannot be used ends the run",
    ),
    reports: z.array(plugin).readonly().exactOptional().describe(
      "Reporters that show or store the result",
    ),
  }) as z.ZodType<RunConfigInput>;
}

const loads = z.array(plugin).min(1, "must name at least one");

/** Schema of a configuration as it is written. */
export const runConfigSchema: z.ZodType<RunConfigInput> = schemaWith(
  z.union([plugin, loads]),
);

/** The same with one load, and with several: a union of both could not name the problem of either. */
const oneLoadSchema = schemaWith(plugin);
const loadsSchema = schemaWith(loads);

/** The published JSON Schema of a configuration. */
export function runConfigJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(runConfigSchema, { io: "input" }),
    $id: "urn:earshot:schema:config:1",
    title: "Configuration of an earshot run",
  };
}

/**
 * Returns a configuration as it is, with its type checked: for the default export of a configuration file.
 *
 * @example Usage
 * ```ts
 * import { defineConfig } from "@earshot/earshot";
 *
 * export default defineConfig({
 *   version: 1,
 *   backend: { use: "echo" },
 *   data: [{ use: "repeat", with: { text: "hello" } }],
 *   stop: { requests: 20 },
 * });
 * ```
 */
export function defineConfig(config: RunConfigInput): RunConfigInput {
  return config;
}

/** The place of a problem: the file or plugin to name, and the path in it. */
export interface Place {
  readonly where: string;
  readonly path: string;
}

/** Gives the place of a value of a configuration, from its path: `backend.with.chunkMs`. */
export type PlaceOf = (path: string) => Place;

/** A configuration whose shape was checked. */
export interface ParsedConfig {
  /** The keys without a problem. */
  readonly config: RunConfigInput;
  /** The problems of the others, for {@linkcode prepareRun}, which adds its own. */
  readonly problems: readonly Problem[];
}

/** Checks the shape of a configuration; the options of plugins are not checked yet. */
export function parseRunConfig(value: unknown): ParsedConfig {
  const schema = isRecord(value) && Array.isArray(value.load)
    ? loadsSchema
    : oneLoadSchema;
  const result = schema.safeParse(value);
  if (result.success) return { config: result.data, problems: [] };
  const { issues } = result.error;
  const wrong = new Set(
    issues.flatMap((issue) =>
      issue.path.length > 0
        ? issue.path.slice(0, 1)
        : issue.code === "unrecognized_keys"
        ? issue.keys
        : []
    ),
  );
  const rest = Object.entries(isRecord(value) ? value : {})
    .filter(([key]) => !wrong.has(key));
  return {
    config: { ...Object.fromEntries(rest), version: 1 },
    problems: explain(issues, value, jsonSchemaOf(schema)),
  };
}

/** Makes one error of problems whose paths are those of a configuration. */
function problemsAt(
  problems: readonly Problem[],
  placeOf: PlaceOf,
): UsageError {
  const placed = problems.map(({ path = "", message }) => ({
    ...placeOf(path),
    message,
  }));
  const groups = Map.groupBy(placed, ({ where, path }) => where || path);
  const errors = [...groups.values()]
    .map((group) => problemsError(group[0]!.where, group));
  if (errors.length === 1) return errors[0]!;
  const lines = errors.map(({ message }) =>
    `\n  ${message.replaceAll("\n", "\n  ")}`
  );
  return new UsageError(`${errors.length} problems:${lines.join("")}`, {
    problems: errors.flatMap(({ problems }) => problems),
  });
}

/** One thing, or a list of them. */
export type OneOrMore<T> = T | readonly T[];

/** A checked configuration and its plugins: all that a run needs. */
export interface PreparedRun {
  readonly config: RunConfig;
  readonly backend: Configured<"backend">;
  readonly data: readonly Configured<"dataset">[];
  /** One, or several whose stages follow each other. */
  readonly load: OneOrMore<Configured<"load">>;
  readonly reports: readonly Configured<"reporter">[];
  /** Whether the backend needs a target and has none: it is to be sent to the bundled reference server. */
  readonly needsServer: boolean;
}

/** Settings of {@linkcode prepareRun}. */
export interface PrepareOptions extends PluginChecksOptions {
  readonly placeOf?: PlaceOf;
}

/** Prompts for backends of text, which have no use for the bundled speech. */
const PROMPTS: PluginConfig = {
  use: "synthetic",
  with: { inputTokens: 128, outputTokens: 64, count: 24 },
};
const TEXT_BACKENDS = ["chat", "completions", "responses", "embeddings"];

/** Load of a run without any setting: about 20 seconds, in which every bundled clip is sent three times at most. */
const DEMO = { streams: [8], requests: 24 };

/**
 * Completes a configuration with its defaults, loads its plugins and checks everything.
 *
 * @throws {UsageError} If anything is invalid: the error lists every problem.
 */
export async function prepareRun(
  input: RunConfigInput,
  options: PrepareOptions,
): Promise<PreparedRun> {
  const { placeOf = (path) => ({ where: "config", path }) } = options;
  const checks = new PluginChecks(options);
  const given = { use: "realtime", ...input.backend };
  const backend = await checks.plugin("backend", given, "backend");
  const { needsServer } = backend;
  const isDemo = needsServer && input.data === undefined &&
    input.load === undefined && input.stop === undefined;
  const isText = TEXT_BACKENDS.includes(given.use);
  const streams = isDemo ? DEMO.streams : [1];
  const { load: loads = { use: "concurrent", with: { streams } } } = input;
  const load = Array.isArray(loads)
    ? await checks.plugins("load", loads, "load")
    : await checks.plugin("load", loads as PluginConfigInput, "load");
  const profiles = [load].flat().flatMap(({ configured }) => configured ?? []);
  const wanted = await checks.attempt(
    Array.isArray(load) ? "load" : "load.use",
    () => dataOfRun(profiles, input.data),
  );
  const data = await checks.plugins(
    "dataset",
    wanted ?? [isText ? PROMPTS : { use: "clips" }],
    "data",
  );
  const reports = await checks.plugins(
    "reporter",
    input.reports ?? [],
    "reports",
  );
  const stop = isDemo ? { requests: DEMO.requests } : stopRulesOf(input.stop);
  const stopRun = input.stopRun && stopRulesOf(input.stopRun);
  for (const [key, rules] of Object.entries({ stop, stopRun })) {
    const conflict = conflictOf(rules ?? {});
    if (!conflict) continue;
    checks.problems.push({ ...conflict, path: `${key}.${conflict.path}` });
  }
  for (const [i, text] of (input.slos ?? []).entries()) {
    await checks.attempt(`slos.${i}`, () => parseSlos([text]));
  }
  if (checks.problems.length > 0) {
    throw problemsAt(checks.problems, placeOf);
  }
  const { maxClientShare, minSamples, probeRtt } = input;
  return {
    config: {
      version: 1,
      backend: backend.config,
      data: data.map(({ config }) => config),
      load: mapOneOrMore(load, ({ config }) => config),
      ...(input.repeat !== undefined && { repeat: input.repeat }),
      stop,
      ...(stopRun && { stopRun }),
      slos: input.slos ?? [],
      ...(maxClientShare !== undefined && { maxClientShare }),
      ...(minSamples !== undefined && { minSamples }),
      ...(probeRtt !== undefined && { probeRtt }),
      seed: input.seed ?? 1,
      normalizer: input.normalizer ?? "basic",
      strict: input.strict ?? false,
      reports: reports.map(({ config }) => config),
    },
    backend: backend.configured!,
    data: data.map(({ configured }) => configured!),
    load: mapOneOrMore(load, ({ configured }) => configured!),
    reports: reports.map(({ configured }) => configured!),
    needsServer,
  };
}

function mapOneOrMore<T, U>(
  given: OneOrMore<T>,
  change: (each: T) => U,
): OneOrMore<U> {
  return Array.isArray(given) ? given.map(change) : change(given as T);
}

/** Makes the paths of a configuration that was read from a folder absolute, so that they hold anywhere. */
export async function resolveConfigPaths(
  config: RunConfigInput,
  { load, folder }: { load: PluginLoader; folder: string },
): Promise<RunConfigInput> {
  const one = async (kind: Kind, given: PluginConfigInput) => {
    const use = isFile(given.use) ? resolvePath(given.use, folder) : given.use;
    const loaded = await load(kind, use).catch(() => undefined);
    const schema = loaded && jsonSchemaOf(loaded.definition.options);
    if (!given.with || !schema) return { ...given, use };
    const options = resolvePaths(given.with, schema, folder);
    return { use, with: options as Record<string, unknown> };
  };
  const all = (kind: Kind, list: readonly PluginConfigInput[]) =>
    Promise.all(list.map((each) => one(kind, each)));
  const { backend, data, load: profile, reports } = config;
  return {
    ...config,
    ...(backend && { backend: await one("backend", backend) }),
    ...(data && { data: await all("dataset", data) }),
    ...(profile && {
      load: Array.isArray(profile)
        ? await all("load", profile)
        : await one("load", profile as PluginConfigInput),
    }),
    ...(reports && { reports: await all("reporter", reports) }),
  };
}

/** Returns a plugin's configuration for a report: defaults resolved, paths absolute, secrets hidden. */
export function recordPlugin(
  { use, with: options }: PluginConfig,
  definition: Definition<Kind> | undefined,
): PluginConfig {
  const schema = definition && jsonSchemaOf(definition.options);
  const folder = Deno.cwd();
  const complete = schema
    ? resolvePaths(withDefaults(options, schema, schema), schema, folder)
    : options;
  return {
    use: isFile(use) ? resolvePath(use, folder) : redactUrl(use),
    with: redact(complete ?? {}) as Record<string, unknown>,
  };
}
