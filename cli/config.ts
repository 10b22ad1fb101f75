import { dirname, resolve } from "node:path";
import type { RunConfigInput } from "../core/config.ts";
import { maxErrorRate } from "../core/slo.ts";
import { alternativesOf } from "../core/stop/stop_rules.ts";
import { isRecord } from "../lib/record.ts";
import { redactUrl } from "../lib/redact.ts";
import {
  parseRunConfig,
  type Place,
  resolveConfigPaths,
} from "../plugins/config.ts";
import { type PluginLoader, pluginLoader } from "../plugins/load.ts";
import {
  isUsageError,
  type Kind,
  type Problem,
  UsageError,
} from "../plugins/mod.ts";
import { parseOptions } from "../plugins/options.ts";
import { formatSpec, parseSpec } from "../plugins/spec.ts";
import { catalogue } from "../catalogue.ts";
import {
  durationOf,
  minSamplesOf,
  positiveDuration,
  positiveNumber,
  shareOf,
  shown,
} from "./flag_values.ts";
import { explainForeignLoad, wholeNumber } from "./flags.ts";
import {
  lengthRule,
  parseStopRules,
  RUN_STOP_RULES,
  STOP_RULES,
  type StopRuleParsers,
} from "./stop_flags.ts";

/** Flags that say what to run. */
export interface ConfigFlags {
  readonly config?: string;
  readonly backend?: string;
  readonly target?: string;
  readonly model?: string;
  readonly data?: readonly string[];
  readonly load?: readonly string[];
  readonly repeat?: string;
  readonly duration?: string;
  readonly requests?: string;
  readonly warmup?: string;
  readonly cooldown?: string;
  readonly stop?: readonly string[];
  readonly stopRun?: readonly string[];
  readonly drain?: string;
  readonly maxClientShare?: string;
  readonly minSamples?: string;
  readonly probeRtt?: boolean;
  readonly seed?: string;
  readonly normalizer?: string;
  readonly strict?: boolean;
  readonly slo?: readonly string[];
  readonly maxErrorRate?: string;
  readonly report?: readonly string[];
}

/** A configuration made of flags and a file. */
export interface ReadConfig {
  readonly config: RunConfigInput;
  /** Loads plugins, each only once. */
  readonly load: PluginLoader;
  /** Problems of single values, by their paths in the configuration. */
  readonly problems: readonly Problem[];
  /** Gives the file or flag and the path in it, for errors. */
  placeOf(path: string): Place;
  /** Gives the source of a value: `bench.yaml`, `--seed` or `default`. */
  sourceOf(path: string): string;
}

/** A file, with the path of the configuration in it; or a flag. */
type Source =
  | { readonly file: string; readonly prefix: string }
  | { readonly flag: string };

type Values = Record<string, unknown>;

/**
 * Reads the configuration file, if any, and puts the flags over it, option by option: a flag that names the same
 * plugin changes single options of it, one that names another plugin replaces it, and lists are replaced.
 */
export async function readConfig(flags: ConfigFlags): Promise<ReadConfig> {
  const builder = new ConfigBuilder();
  if (flags.config !== undefined) await builder.addFile(flags.config);
  await builder.addPlugins(flags);
  builder.addRules(flags);
  return builder.result();
}

class ConfigBuilder {
  readonly #load = pluginLoader(catalogue);
  readonly #config: Values = { version: 1 };
  readonly #sources = new Map<string, Source>();
  readonly #problems: Problem[] = [];

  async addFile(path: string): Promise<void> {
    const { readConfigFile } = await import("./config_file.ts");
    const { value, prefix, isResult } = await readConfigFile(path);
    const { config: parsed, problems } = parseRunConfig(value);
    // A run that is repeated must not overwrite the results that it is compared with.
    const { reports, ...rest } = parsed;
    const config = await resolveConfigPaths(
      { ...rest, ...(reports && !isResult && { reports }) },
      { load: this.#load, folder: resolve(dirname(path)) },
    );
    const source = { file: path, prefix };
    for (const problem of problems) {
      this.#sources.set(problem.path ?? "", source);
      this.#problems.push(problem);
    }
    for (const [key, value] of Object.entries(config)) {
      this.#set(key, value, source);
    }
  }

  async addPlugins(flags: ConfigFlags): Promise<void> {
    const { backend, target, model, data = [], load = [], report = [] } = flags;
    if (backend !== undefined) await this.#addPlugin("backend", backend);
    this.#addShorthand("target", target, backend !== undefined);
    this.#addShorthand("model", model, backend !== undefined);
    await this.#addLoads(load);
    await this.#addList("dataset", "data", data, "--data");
    await this.#addList("reporter", "reports", report, "--report");
  }

  /** One load may change options of the file's; several replace it. */
  async #addLoads(texts: readonly string[]): Promise<void> {
    const problems = texts.flatMap((text) => explainForeignLoad(text) ?? []);
    for (const problem of problems) this.#fail("load.use", problem, "--load");
    if (problems.length > 0) return;
    const [only] = texts;
    if (texts.length > 1) await this.#addList("load", "load", texts, "--load");
    else if (only !== undefined) await this.#addPlugin("load", only);
  }

  /** `--target` and `--model` set an option of the backend, which `--backend` may set too. */
  #addShorthand(
    name: string,
    value: string | undefined,
    hasBackendFlag: boolean,
  ): void {
    if (value === undefined) return;
    const path = `backend.with.${name}`;
    const flag = `--${name}`;
    const source = this.#sources.get(path);
    const isFlag = source !== undefined && "flag" in source;
    const given = (this.#config.backend as Values | undefined)?.with;
    const before = isRecord(given) ? given[name] : undefined;
    if (!hasBackendFlag || !isFlag || before === value) {
      return this.#set("backend", { with: { [name]: value } }, { flag });
    }
    // The values may hold passwords, as URLs do.
    this.#fail(
      path,
      `must be given once, but ${flag} gives another value`,
      flag,
    );
  }

  async #addList(
    kind: Kind,
    key: "data" | "load" | "reports",
    texts: readonly string[],
    flag: string,
  ): Promise<void> {
    if (texts.length === 0) return;
    delete this.#config[key];
    this.#forget(key);
    const list: Values[] = [];
    this.#config[key] = list;
    for (const [i, text] of texts.entries()) {
      const given = await this.#parse(kind, text, `${key}.${i}`, flag);
      list.push(given ?? { use: text });
    }
    this.#note(key, list, { flag });
  }

  async #addPlugin(kind: "backend" | "load", text: string): Promise<void> {
    const flag = `--${kind}`;
    const given = await this.#parse(kind, text, kind, flag);
    if (given) this.#set(kind, given, { flag });
  }

  /** Parses a spec; its problems are kept. */
  async #parse(
    kind: Kind,
    text: string,
    path: string,
    flag: string,
  ): Promise<{ use: string; with: Values } | undefined> {
    try {
      const spec = parseSpec(kind === "dataset" ? await dataSpec(text) : text);
      const { definition } = await this.#load(kind, spec.name);
      const { options, problems } = parseOptions(spec, definition);
      for (const problem of problems) {
        this.#problems.push({
          ...problem,
          path: `${path}.with.${problem.path}`,
        });
      }
      return { use: spec.name, with: options };
    } catch (error) {
      if (!isUsageError(error)) throw error;
      this.#fail(`${path}.use`, error.message, flag);
      return undefined;
    }
  }

  addRules(flags: ConfigFlags): void {
    const { duration, requests, drain, seed, normalizer } = flags;
    this.#addStopRules("--stop", "stop", flags.stop, STOP_RULES);
    this.#addStopRules("--stop-run", "stopRun", flags.stopRun, RUN_STOP_RULES);
    this.#addLength("warmup", flags.warmup);
    this.#addLength("cooldown", flags.cooldown);
    this.#add("--duration", "stop.durationMs", duration, positiveDuration);
    this.#add("--requests", "stop.requests", requests, positiveNumber);
    this.#add("--drain", "stop.drainMs", drain, durationOf);
    const { maxClientShare, minSamples } = flags;
    this.#add("--max-client-share", "maxClientShare", maxClientShare, shareOf);
    this.#add("--min-samples", "minSamples", minSamples, minSamplesOf);
    if (flags.probeRtt) this.#set("probeRtt", true, { flag: "--probe-rtt" });
    this.#add("--repeat", "repeat", flags.repeat, positiveNumber);
    this.#add("--seed", "seed", seed, (text) => wholeNumber(text, 0));
    this.#add("--normalizer", "normalizer", normalizer, normalizerOf);
    if (flags.strict) this.#set("strict", true, { flag: "--strict" });
    this.#addSlos(flags);
  }

  #addSlos({ slo = [], maxErrorRate: share }: ConfigFlags): void {
    if (slo.length > 0) this.#set("slos", [...slo], { flag: "--slo" });
    const given = (this.#config.slos ?? []) as readonly string[];
    const source = this.#sources.get("slos");
    const flag = "--max-error-rate";
    this.#add(flag, "slos", share, (text) => [
      ...given,
      maxErrorRate(shareOf(text)).text,
    ]);
    if (share === undefined || !source) return;
    given.forEach((_, i) => this.#sources.set(`slos.${i}`, source));
  }

  #addStopRules(
    flag: string,
    key: "stop" | "stopRun",
    texts: readonly string[] | undefined,
    parsers: StopRuleParsers,
  ): void {
    for (const text of texts ?? []) {
      const { rules, problems } = parseStopRules(text, parsers);
      this.#set(key, rules, { flag });
      for (const { path = "", message } of problems) {
        this.#fail(`${key}.${path}`, message, flag);
      }
    }
  }

  /** The length of a warm-up or a cool-down takes the place of one that the file gives in another way. */
  #addLength(part: "warmup" | "cooldown", text: string | undefined): void {
    if (text === undefined) return;
    const flag = `--${part}`;
    try {
      const [name, value] = lengthRule(part, text);
      const { stop } = this.#config;
      if (isRecord(stop)) {
        const others = alternativesOf(name);
        const kept = Object.entries(stop).filter(([key]) =>
          !others.includes(key)
        );
        this.#config.stop = Object.fromEntries(kept);
        for (const other of others) this.#forget(`stop.${other}`);
      }
      this.#set("stop", { [name]: value }, { flag });
    } catch (error) {
      if (!isUsageError(error)) throw error;
      this.#fail(`stop.${part}Ms`, error.message, flag);
    }
  }

  #add(
    flag: string,
    path: string,
    text: string | undefined,
    parse: (text: string) => unknown,
  ): void {
    if (text === undefined) return;
    try {
      const value = parse(text);
      const [key, inner] = path.split(".");
      const other = inner && this.#sources.get(path);
      if (other && "flag" in other) {
        throw new UsageError(`must not be given with ${other.flag}`);
      }
      const part = inner === undefined ? value : { [inner]: value };
      this.#set(key!, part, { flag });
    } catch (error) {
      if (!isUsageError(error)) throw error;
      this.#fail(path, error.message, flag);
    }
  }

  #fail(path: string, message: string, flag: string): void {
    this.#sources.set(path, { flag });
    this.#problems.push({ path, message });
  }

  /** Sets a value or merges it into the one before, and notes its source. */
  #set(key: string, value: unknown, source: Source): void {
    const before = this.#config[key];
    const isOther = isRecord(value) && value.use !== undefined &&
      isRecord(before) && before.use !== undefined && value.use !== before.use;
    if (isOther || !isRecord(value) || !isRecord(before)) {
      if (before !== undefined) this.#forget(key);
      this.#config[key] = value;
    } else this.#config[key] = merged(before, value);
    this.#note(key, value, source);
  }

  #note(path: string, value: unknown, source: Source): void {
    const isList = Array.isArray(value) && value.some(isRecord);
    if (!isRecord(value) && !isList) this.#sources.set(path, source);
    else {
      for (const [key, part] of Object.entries(value)) {
        this.#note(`${path}.${key}`, part, source);
      }
    }
  }

  #forget(key: string): void {
    for (const path of this.#sources.keys()) {
      if (path === key || path.startsWith(`${key}.`)) {
        this.#sources.delete(path);
      }
    }
  }

  result(): ReadConfig {
    const config = this.#config as unknown as RunConfigInput;
    const find = (path: string): Source | undefined => {
      const keys = path.split(".");
      for (let length = keys.length; length > 0; length--) {
        const source = this.#sources.get(keys.slice(0, length).join("."));
        if (source) return source;
      }
      return undefined;
    };
    const useOf = (path: string) =>
      this.#sources.get(path.replace(/\.with\..*$/, ".use"));
    return {
      config,
      load: this.#load,
      problems: this.#problems,
      sourceOf(path) {
        const source = find(path);
        if (source === undefined) return "default";
        return "file" in source ? source.file : source.flag;
      },
      placeOf(path) {
        const source = find(path) ?? useOf(path);
        if (source && "file" in source) {
          return { where: source.file, path: source.prefix + path };
        }
        const [, plugin, option] = /^(.+)\.with\.(.+)$/.exec(path) ?? [];
        if (plugin === undefined) {
          return { where: "", path: source?.flag ?? path };
        }
        return { where: redactUrl(useAt(config, plugin)), path: option! };
      },
    };
  }
}

/** The plugin at a path such as `backend` or `data.0`. */
function useAt(config: RunConfigInput, path: string): string {
  const found = path.split(".").reduce<unknown>(
    (part, key) => Reflect.get(Object(part), key),
    config,
  );
  const use = isRecord(found) ? found.use : undefined;
  return typeof use === "string" ? use : path === "backend" ? "realtime" : path;
}

/** Merges objects at every depth; lists and other values are replaced. */
function merged(before: Values, after: Values): Values {
  const result = { ...before };
  for (const [key, value] of Object.entries(after)) {
    const old = result[key];
    result[key] = isRecord(old) && isRecord(value) ? merged(old, value) : value;
  }
  return result;
}

/** Replaces a path in the value of `--data` by the dataset that reads it. */
export async function dataSpec(text: string): Promise<string> {
  const { name, primary, options } = parseSpec(text);
  if (primary !== undefined || Object.hasOwn(catalogue.dataset, name)) {
    return text;
  }
  const { datasetForPath } = await import("../datasets/for_path.ts");
  const dataset = await datasetForPath(name);
  if (dataset === undefined) return text;
  const path = [{ text: name, quoted: true }];
  return formatSpec({ name: dataset, primary: path, options });
}

/** @throws {UsageError} If there is no such normalizer. */
export function normalizerOf(name: string): "none" | "basic" {
  if (name === "none" || name === "basic") return name;
  throw new UsageError(`must be one of none, basic, but was ${shown(name)}`);
}
