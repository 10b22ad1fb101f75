import { type Clock, systemClock } from "../core/clock.ts";
import type {
  MinSamples,
  NormalizerName,
  PluginConfig,
  RunConfig,
  RunConfigInput,
  RunFacts,
  RunStopRules,
  StopRules,
} from "../core/config.ts";
import type { LoadProfile, Reporter } from "../core/contract.ts";
import type { Host } from "../core/client_monitor.ts";
import type { Environment, Report, RunInfo } from "../core/report.ts";
import { summarizeRepeats } from "../core/repeats.ts";
import { checkFirstStages, type RunResult, runStages } from "../core/run.ts";
import { messageOf, UsageError } from "../core/errors.ts";
import { maxErrorRate, parseSlos } from "../core/slo.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { redact, redactText } from "../lib/redact.ts";
import {
  type OneOrMore,
  parseRunConfig,
  prepareRun,
  recordPlugin,
} from "./config.ts";
import { denoHost, describeEnvironment } from "./host.ts";
import { type Catalogue, pluginLoader } from "./load.ts";
import { dataOfRun } from "./load_data.ts";
import type { Configured, Instances, Kind, OpenContext } from "./plugin.ts";

/** The surroundings of a run: all that is not part of its configuration. */
export interface RunContext {
  /** Interrupts the run: the report covers what happened until then. */
  readonly signal?: AbortSignal;
  /** Reads environment variables for plugins. @default Deno.env.get */
  readonly env?: (name: string) => string | undefined;
  /** Receives messages that do not stop the run, such as a skipped item. @default Ignores them */
  readonly warn?: (message: string) => void;
  /** The machine and the program, for the report. @default Those of this process */
  readonly environment?: Environment;
  /** Measures this process, for the client's health. @default This process */
  readonly host?: Host;
  /** The time. @default The system's monotonic clock */
  readonly clock?: Clock;
}

/** A run with plugins as objects. */
export interface RunOptions extends RunContext {
  /** Sends requests to a model. */
  readonly backend: Configured<"backend">;
  /** Supplies the sessions. */
  readonly dataset: Configured<"dataset">;
  /** Decides when requests start, stage by stage; of several one after another. @default One stream */
  readonly load?: Configured<"load"> | readonly Configured<"load">[];
  /** How often all stages are run, each time with another order of the data and other arrivals. @default {1} */
  readonly repeat?: number;
  /** Rules that end each stage. @default Each session once */
  readonly stop?: StopRules;
  /** Rules that end the run, whichever stage goes on. @default {{}} */
  readonly stopRun?: RunStopRules;
  /** Reporters, in addition to the report that is returned. @default {[]} */
  readonly reporters?: readonly Configured<"reporter">[];
  /** Seed of the data's order and of arrivals. @default {1} */
  readonly seed?: number;
  /** Normalizer of texts before words are compared. @default {"basic"} */
  readonly normalizer?: NormalizerName;
  /** Objectives that every stage must meet, such as `ttft.p95<200ms`. The run continues if one is missed. @default {[]} */
  readonly slos?: readonly string[];
  /** Largest share of a stage's requests that may fail, 0 to 1: short for the SLO `errorRate<=5%`. @default No limit */
  readonly maxErrorRate?: number;
  /** Largest share of a headline metric that this client may add: above 0, at most 1. @default {0.1} */
  readonly maxClientShare?: number;
  /** Number of values below which a percentile has too few, from 1 on, or MLPerf's numbers. @default As many as make it differ from the largest value */
  readonly minSamples?: MinSamples;
  /** Whether round trips to the server are measured before and after each stage. @default {false} */
  readonly probeRtt?: boolean;
  /** Whether one item of the data that cannot be used ends the run. @default {false} */
  readonly strict?: boolean;
  /** Plugins that the report's configuration may name. @default The built-in ones */
  readonly catalogue?: Partial<Catalogue>;
}

/**
 * Runs plugins that are given as objects, and returns the report.
 *
 * @throws {UsageError} If options are invalid, or no item of the data can be used.
 * @throws {RequestError} If the backend cannot reach its server at all.
 */
export async function run(
  options: RunOptions & { readonly load: OneOrMore<Configured<"load">> },
): Promise<Report> {
  const { backend, dataset, load, reporters = [], catalogue = {} } = options;
  const { maxErrorRate: share, maxClientShare, probeRtt, repeat } = options;
  const { minSamples } = options;
  if (repeat !== undefined) checkRepeat(repeat);
  if (maxClientShare !== undefined) checkClientShare(maxClientShare);
  if (minSamples !== undefined) checkMinSamples(minSamples);
  const configOf = (plugin: Configured<Kind>) =>
    pluginConfig(plugin, catalogue);
  const parts = dataset.parts ?? [dataset];
  const config: RunConfig = {
    version: 1,
    backend: await configOf(backend),
    data: await Promise.all(parts.map(configOf)),
    load: isList(load)
      ? await Promise.all(load.map(configOf))
      : await configOf(load),
    ...(repeat !== undefined && { repeat }),
    stop: options.stop ?? {},
    ...(options.stopRun && { stopRun: options.stopRun }),
    slos: [
      ...options.slos ?? [],
      ...(share === undefined ? [] : [maxErrorRate(share).text]),
    ],
    ...(maxClientShare !== undefined && { maxClientShare }),
    ...(minSamples !== undefined && { minSamples }),
    ...(probeRtt !== undefined && { probeRtt }),
    seed: options.seed ?? 1,
    normalizer: options.normalizer ?? "basic",
    strict: options.strict ?? false,
    reports: await Promise.all(reporters.map(configOf)),
  };
  dataOfRun(listOf(load), config.data);
  return await execute({ config, backend, dataset, load, reporters }, options);
}

function listOf<T>(given: OneOrMore<T>): readonly T[] {
  return isList(given) ? given : [given];
}

function isList<T>(given: OneOrMore<T>): given is readonly T[] {
  return Array.isArray(given);
}

function checkRepeat(repeat: number): void {
  if (Number.isSafeInteger(repeat) && repeat > 0) return;
  throw new UsageError(
    `repeat must be a whole number from 1 on, but was ${repeat}`,
  );
}

function checkClientShare(share: number): void {
  if (share > 0 && share <= 1) return;
  throw new UsageError(
    `maxClientShare must be above 0 and at most 1, but was ${share}`,
  );
}

function checkMinSamples(minSamples: MinSamples): void {
  if (minSamples === "mlperf") return;
  if (Number.isSafeInteger(minSamples) && minSamples > 0) return;
  throw new UsageError(
    `minSamples must be a whole number from 1 on, or "mlperf", but was ${minSamples}`,
  );
}

/**
 * Runs a configuration and returns the report.
 *
 * @throws {UsageError} If the configuration is invalid: the error lists every problem.
 * @throws {RequestError} If the backend cannot reach its server at all.
 */
export async function runConfig(
  config: RunConfigInput,
  context: RunContext & {
    readonly catalogue: Catalogue;
    readonly join: JoinData;
  },
): Promise<Report> {
  const { catalogue, join, env = readEnv } = context;
  const load = pluginLoader(catalogue);
  const { config: input, problems } = parseRunConfig(config);
  // If the given backend has a problem, the default takes its place: that it lacks a target is not reported as well.
  const hasServer = problems.length > 0;
  const prepared = await prepareRun(input, { load, env, problems, hasServer });
  return await execute(
    {
      ...prepared,
      dataset: joined(prepared.data, join),
      reporters: prepared.reports,
    },
    context,
  );
}

/** Joins several datasets column by column. */
export type JoinData = (
  datasets: readonly Configured<"dataset">[],
) => Configured<"dataset">;

/** Returns the only dataset, or joins several. */
export function joined(
  data: readonly Configured<"dataset">[],
  join: JoinData,
): Configured<"dataset"> {
  return data.length === 1 ? data[0]! : join(data);
}

/** Names a plugin as a configuration does: by its module or its name in the catalogue, otherwise as inline. */
async function pluginConfig(
  plugin: Configured<Kind>,
  catalogue: Partial<Catalogue>,
): Promise<PluginConfig> {
  const { kind, name, definition, options } = plugin;
  const builtIn = await catalogue[kind]?.[name]?.();
  const isBuiltIn = definition !== undefined &&
    builtIn?.definition === definition;
  return {
    use: plugin.use ?? (isBuiltIn ? name : `inline:${name}`),
    with: options as Record<string, unknown>,
  };
}

/** A configuration with the plugins that carry it out. */
export interface Execution {
  readonly config: RunConfig;
  readonly backend: Configured<"backend">;
  readonly dataset: Configured<"dataset">;
  readonly load: OneOrMore<Configured<"load">>;
  /** Those of the configuration, in its order, and any others after them. */
  readonly reporters: readonly Configured<"reporter">[];
}

/** Opens the plugins, offers the load, and reports: the one way in which every run is carried out. */
export async function execute(
  execution: Execution,
  options: RunContext,
): Promise<Report> {
  const {
    signal = new AbortController().signal,
    env = readEnv,
    warn = () => {},
    environment = describeEnvironment(),
    host = denoHost(),
    clock = systemClock(),
  } = options;
  const rules = {
    ...execution.config,
    slos: parseSlos(execution.config.slos),
  };
  await using stack = new AsyncDisposableStack();
  const context: OpenContext = { env, signal, warn };
  const open = <K extends Kind>(plugin: Configured<K>) =>
    openPlugin(plugin, context, { stack, clock });
  // The backend last, so that a path that cannot be written, or data without end, is reported before a server is asked.
  const reporters: Reporter[] = [];
  for (const reporter of execution.reporters) {
    reporters.push(await open(reporter));
  }
  const load: LoadProfile[] = [];
  for (const each of listOf(execution.load)) load.push(await open(each));
  const dataset = await open(execution.dataset);
  checkFirstStages({ ...rules, load, dataset });
  const backend = await open(execution.backend);
  const config = recordConfig(execution);
  const names = namesOfModules(execution, config);
  const facts = redact({
    ...(backend.facts && { backend: backend.facts }),
    ...(dataset.facts && { data: dataset.facts }),
    ...(Object.keys(names).length > 0 && { names }),
  }) as RunFacts;

  const infoAt = (times: { epochMs: number; loadingMs: number }): RunInfo => ({
    earshot: environment,
    run: {
      id: crypto.randomUUID(),
      startedAt: new Date(times.epochMs).toISOString(),
      ...times,
      config,
      facts,
    },
  });
  let info: RunInfo | undefined;
  const notify = notifier(reporters, warn);
  const result = await runStages({
    ...rules,
    backend,
    dataset,
    load,
    clock,
    host,
    signal,
    listener: {
      start(times) {
        const begun = infoAt(times);
        info = begun;
        notify((reporter) => reporter.start?.(begun));
      },
      samples: (batch) => notify((reporter) => reporter.samples?.(batch)),
      progress: (state) => notify((reporter) => reporter.progress?.(state)),
      stage: (stage) => notify((reporter) => reporter.stage?.(stage)),
      skip: (id, reason) =>
        warn(`Skipped "${redactText(id)}": ${redactText(reason)}`),
      late: (part) => warn(abandoned(execution[part])),
    },
  });
  const now = clock.now();
  info ??= infoAt({ epochMs: clock.epochMs + now, loadingMs: now });
  const report = reportOf(info, result);
  // The error that ended the run matters more than one of a reporter.
  await reportToAll(reporters, report).catch((error) => {
    if (result.error === undefined) throw error;
    warn(messageOf(error));
  });
  if (result.error !== undefined) throw result.error;
  return report;
}

/** Opens a plugin; the stack disposes of it, and a plugin that does not close in time is reported. */
export async function openPlugin<K extends Kind>(
  plugin: Configured<K>,
  context: OpenContext,
  { stack, clock }: { stack: AsyncDisposableStack; clock: Clock },
): Promise<Instances[K]> {
  const opening = plugin.open(context);
  const instance: Instances[K] & Partial<AsyncDisposable> = await opening;
  const dispose = () => instance[Symbol.asyncDispose]?.();
  const name = `${plugin.kind} "${plugin.name}"`;
  const { warn } = context;
  stack.defer(() => disposeInTime(name, dispose, { clock, warn }));
  return instance;
}

/** Formats the warning about a plugin that did not stop in time. */
export function abandoned(
  { kind, name }: Pick<Configured<Kind>, "kind" | "name">,
): string {
  return `${kind} "${name}" did not stop in time and is abandoned`;
}

/** Returns the configuration for the report: defaults resolved, paths absolute, secrets hidden. */
export function recordConfig(
  { config, ...execution }: Execution,
): RunConfig {
  const { backend, dataset, load, reporters } = execution;
  const all = (
    configs: readonly PluginConfig[],
    plugins: readonly Configured<Kind>[],
  ) => configs.map((each, i) => recordPlugin(each, plugins[i]?.definition));
  return {
    ...config,
    backend: recordPlugin(config.backend, backend.definition),
    data: all(config.data, dataset.parts ?? [dataset]),
    load: isList(config.load)
      ? all(config.load, listOf(load))
      : recordPlugin(config.load, listOf(load)[0]?.definition),
    reports: all(config.reports, reporters),
  };
}

/** Returns the names of the plugins that were loaded from a file or a URL, by their `use` in the configuration. */
function namesOfModules(
  { backend, dataset, load }: Execution,
  config: RunConfig,
): Record<string, string> {
  const plugins = [backend, ...dataset.parts ?? [dataset], ...listOf(load)];
  const uses = [config.backend, ...config.data, ...listOf(config.load)];
  return Object.fromEntries(
    plugins.flatMap(({ use, name }, i) =>
      use === undefined ? [] : [[uses[i]!.use, name]]
    ),
  );
}

function readEnv(name: string): string | undefined {
  return Deno.env.get(name);
}

/**
 * Passes the report to every reporter, even if some fail.
 *
 * @throws The error of one that failed; an `AggregateError` of several.
 */
export async function reportToAll(
  reporters: readonly Reporter[],
  report: Report,
): Promise<void> {
  const errors: unknown[] = [];
  for (const reporter of reporters) {
    try {
      await reporter.report(report);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    throw new AggregateError(errors, errors.map(messageOf).join("\n"));
  }
}

/** Returns a function that calls every reporter. One that throws is reported once and not called by it again. */
function notifier(
  reporters: readonly Reporter[],
  warn: OpenContext["warn"],
): (call: (reporter: Reporter) => void) => void {
  const working = new Set(reporters);
  return (call) => {
    for (const reporter of working) {
      try {
        call(reporter);
      } catch (error) {
        working.delete(reporter);
        warn(
          `a reporter failed and receives only the final report: ${
            messageOf(error)
          }`,
        );
      }
    }
  };
}

function reportOf(info: RunInfo, result: RunResult): Report {
  const { stages, capacities, interrupted, error } = result;
  const { skipped: { count, items } } = result;
  const shown = items.map(({ id, reason }) => ({
    id: redactText(id),
    reason: redactText(reason),
  }));
  const skipped = { count, items: shown };
  const repeats = summarizeRepeats(stages);
  return {
    schema: "earshot.report/2",
    ...(capacities.length > 0 && { capacities }),
    ...info,
    ...(repeats.length > 0 && { repeats }),
    stages,
    skipped,
    interrupted,
    ...(error !== undefined && { error: redactText(messageOf(error)) }),
  };
}
