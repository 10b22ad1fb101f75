import { z } from "zod";
import type {
  NormalizerName,
  PluginConfig,
  PluginConfigInput,
  RunConfig,
  RunConfigInput,
  StopRules,
} from "../core/config.ts";
import { isUsageError, type Problem, UsageError } from "../core/errors.ts";
import { normalizers } from "../core/quality.ts";
import { parseSlos } from "../core/slo.ts";
import { isRecord } from "../lib/record.ts";
import { redact, redactUrl } from "../lib/redact.ts";
import { parseDuration } from "../lib/units.ts";
import { isBuiltIn, isFile, type PluginLoader } from "./load.ts";
import {
  convertUnits,
  redactedPaths,
  resolvePath,
  resolvePaths,
  withDefaults,
} from "./option_values.ts";
import type { Configured, Definition, Kind, Plugin } from "./plugin.ts";
import { validateOptions } from "./options.ts";
import { explain, problemsError } from "./problems.ts";
import { jsonSchemaOf } from "./schema.ts";

const plugin = z.strictObject({
  use: z.string().min(1).describe("Built-in name, file or URL of the plugin"),
  with: z.record(z.string(), z.json()).exactOptional().describe(
    "Options of the plugin: see earshot info NAME",
  ),
}).meta({ id: "plugin", description: "A plugin and its options" });

const TIME = "must be a number of milliseconds, or a text with ms, s, m or h";

const time = z.union([
  z.number().nonnegative(),
  z.string().refine((text) => parseDuration(text) !== undefined, TIME),
], TIME);

const positiveTime = time.refine(
  (value) => value !== 0 && parseDuration(String(value)) !== 0,
  "must be above 0",
);

const names = Object.keys(normalizers) as [NormalizerName, ...NormalizerName[]];

/** Schema of a configuration as it is written. */
export const runConfigSchema: z.ZodType<RunConfigInput> = z.strictObject({
  version: z.literal(1).describe("Version of this format"),
  backend: plugin.exactOptional().describe("Sends requests to a model"),
  data: z.array(plugin).min(1, "must name at least one dataset").readonly()
    .exactOptional()
    .describe("Datasets; several are joined column by column"),
  load: plugin.exactOptional().describe("Decides when requests start"),
  stop: z.strictObject({
    warmupMs: time.exactOptional().describe("Load offered before measuring"),
    durationMs: positiveTime.exactOptional().describe(
      "Length of the measured window",
    ),
    requests: z.int().positive("must be above 0").exactOptional().describe(
      "Requests to start in the measured window",
    ),
    drainMs: time.exactOptional().describe(
      "Time for requests in flight once no more are started",
    ),
  }).exactOptional().describe("Rules that end each stage"),
  slos: z.array(z.string()).readonly().exactOptional().describe(
    "Objectives that every stage must meet: ttft.p95<200ms",
  ),
  maxClientShare: z.number().positive("must be above 0").max(1).exactOptional()
    .describe(
      "Largest share of a headline metric that may be the client's own in a valid stage (default: 0.1)",
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
});

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
  const result = runConfigSchema.safeParse(value);
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
    problems: explain(issues, value, jsonSchemaOf(runConfigSchema)),
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

/** A checked configuration and its plugins: all that a run needs. */
export interface PreparedRun {
  readonly config: RunConfig;
  readonly backend: Configured<"backend">;
  readonly data: readonly Configured<"dataset">[];
  readonly load: Configured<"load">;
  readonly reports: readonly Configured<"reporter">[];
  /** Whether the backend needs a target and has none: it is to be sent to the bundled reference server. */
  readonly needsServer: boolean;
}

/** Settings of {@linkcode prepareRun}. */
export interface PrepareOptions {
  readonly load: PluginLoader;
  /** Whether a backend without a target may use the bundled reference server. @default {false} */
  readonly hasServer?: boolean;
  /** Reads environment variables. */
  readonly env: (name: string) => string | undefined;
  /** Problems that were found before, with their paths in the configuration. @default {[]} */
  readonly problems?: readonly Problem[];
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

/** A server to check options with before the reference server has been started; a valid text of any option too. */
export const PLACEHOLDER = "http://127.0.0.1";

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
  const data = await checks.plugins(
    "dataset",
    input.data ?? [isText ? PROMPTS : { use: "clips" }],
    "data",
  );
  const streams = isDemo ? DEMO.streams : [1];
  const load = await checks.plugin(
    "load",
    input.load ?? { use: "concurrent", with: { streams } },
    "load",
  );
  const reports = await checks.plugins(
    "reporter",
    input.reports ?? [],
    "reports",
  );
  const stop = isDemo ? { requests: DEMO.requests } : stopRules(input.stop);
  for (const [i, text] of (input.slos ?? []).entries()) {
    await checks.attempt(`slos.${i}`, () => parseSlos([text]));
  }
  if (checks.problems.length > 0) {
    throw problemsAt(checks.problems, placeOf);
  }
  const { maxClientShare, probeRtt } = input;
  return {
    config: {
      version: 1,
      backend: backend.config,
      data: data.map(({ config }) => config),
      load: load.config,
      stop,
      slos: input.slos ?? [],
      ...(maxClientShare !== undefined && { maxClientShare }),
      ...(probeRtt !== undefined && { probeRtt }),
      seed: input.seed ?? 1,
      normalizer: input.normalizer ?? "basic",
      strict: input.strict ?? false,
      reports: reports.map(({ config }) => config),
    },
    backend: backend.configured!,
    data: data.map(({ configured }) => configured!),
    load: load.configured!,
    reports: reports.map(({ configured }) => configured!),
    needsServer,
  };
}

interface CheckedPlugin<K extends Kind> {
  readonly config: PluginConfig;
  /** Undefined if there are problems. */
  readonly configured?: Configured<K>;
  /** Whether it is a backend that needs a target and has none. */
  readonly needsServer: boolean;
}

/** Checks the plugins of a configuration and collects their problems. */
class PluginChecks {
  readonly problems: Problem[];
  readonly #options: PrepareOptions;

  constructor(options: PrepareOptions) {
    this.#options = options;
    this.problems = [...options.problems ?? []];
  }

  /** Runs a check; a UsageError becomes a problem at a path. */
  async attempt<T>(
    path: string,
    check: () => T | Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await check();
    } catch (error) {
      if (!isUsageError(error)) throw error;
      this.problems.push({ path, message: error.message });
      return undefined;
    }
  }

  /** Checks the options of a plugin against its schema. */
  async plugin<K extends Kind>(
    kind: K,
    { use, with: given = {} }: PluginConfigInput,
    path: string,
  ): Promise<CheckedPlugin<K>> {
    const plugin = await this.#load(kind, use, `${path}.use`);
    if (!plugin) return { config: { use, with: given }, needsServer: false };
    const schema = jsonSchemaOf(plugin.definition.options) ?? {};
    const options = convertUnits(given, schema) as Record<string, unknown>;
    const { required } = schema;
    const needsServer = kind === "backend" &&
      this.#options.hasServer === true && isBuiltIn(use) &&
      Array.isArray(required) && required.includes("target") &&
      options.target === undefined;
    const problems = await this.#optionProblems(plugin, {
      ...options,
      ...(needsServer && { target: PLACEHOLDER }),
    });
    const known = new Set(this.problems.map((problem) => problem.path));
    for (const problem of problems) {
      const at = [path, "with", problem.path].filter(Boolean).join(".");
      if (!known.has(at)) this.problems.push({ ...problem, path: at });
    }
    const config = { use, with: options };
    return { config, configured: plugin(options), needsServer };
  }

  /** Checks each plugin of a list. */
  plugins<K extends Kind>(
    kind: K,
    list: readonly PluginConfigInput[],
    path: string,
  ): Promise<CheckedPlugin<K>[]> {
    return Promise.all(
      list.map((each, i) => this.plugin(kind, each, `${path}.${i}`)),
    );
  }

  async #optionProblems(
    { definition }: Plugin<Kind, unknown>,
    options: Readonly<Record<string, unknown>>,
  ): Promise<readonly Problem[]> {
    const message =
      "must be given again, as the report does not hold it: by a flag, or as {env: NAME}";
    const hidden = redactedPaths(options);
    if (hidden.length > 0) return hidden.map((path) => ({ path, message }));
    const { env } = this.#options;
    const result = await validateOptions(definition.options, options, env);
    return "problems" in result ? result.problems : [];
  }

  async #load<K extends Kind>(
    kind: K,
    use: string,
    path: string,
  ): Promise<Plugin<K, unknown> | undefined> {
    if (this.problems.some((problem) => problem.path === path)) return;
    const load = () => this.#options.load(kind, requireModule(use));
    return await this.attempt(path, load);
  }
}

/** @throws {UsageError} If a plugin came from code, which a configuration cannot load. */
function requireModule(use: string): string {
  if (!use.startsWith("inline:")) return use;
  throw new UsageError(
    `must name a plugin, but ${
      JSON.stringify(use)
    } was passed from code: run it from code again, or name a file`,
  );
}

function stopRules(stop: RunConfigInput["stop"] = {}): StopRules {
  const ms = (value: number | string | undefined) =>
    typeof value === "string" ? parseDuration(value) : value;
  return Object.fromEntries(
    Object.entries(stop).map(([name, value]) => [name, ms(value)]),
  );
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
    ...(profile && { load: await one("load", profile) }),
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
