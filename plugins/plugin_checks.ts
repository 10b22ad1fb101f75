import type { PluginConfig, PluginConfigInput } from "../core/config.ts";
import { isUsageError, type Problem, UsageError } from "../core/errors.ts";
import { isBuiltIn, type PluginLoader } from "./load.ts";
import { convertUnits, redactedPaths } from "./option_values.ts";
import { validateOptions } from "./options.ts";
import type { Configured, Kind, Plugin } from "./plugin.ts";
import { jsonSchemaOf } from "./schema.ts";

/** Settings of {@linkcode PluginChecks}. */
export interface PluginChecksOptions {
  readonly load: PluginLoader;
  /** Whether a backend without a target may use the bundled reference server. @default {false} */
  readonly hasServer?: boolean;
  /** Reads environment variables. */
  readonly env: (name: string) => string | undefined;
  /** Problems that were found before, with their paths in the configuration. @default {[]} */
  readonly problems?: readonly Problem[];
}

/** A server to check options with before the reference server has been started; a valid text of any option too. */
export const PLACEHOLDER = "http://127.0.0.1";

/** A plugin whose options were checked. */
export interface CheckedPlugin<K extends Kind> {
  readonly config: PluginConfig;
  /** Undefined if there are problems. */
  readonly configured?: Configured<K>;
  /** Whether it is a backend that needs a target and has none. */
  readonly needsServer: boolean;
}

/** Checks the plugins of a configuration and collects their problems. */
export class PluginChecks {
  readonly problems: Problem[];
  readonly #options: PluginChecksOptions;

  constructor(options: PluginChecksOptions) {
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
    const isValid = problems.length === 0;
    return {
      config,
      ...(isValid && { configured: plugin(options) }),
      needsServer,
    };
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
