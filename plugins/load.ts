import { isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf, UsageError } from "../core/errors.ts";
import { isRecord } from "../lib/record.ts";
import { type FetchOptions, importRemote } from "./load_remote.ts";
import { define, type Definition, type Kind, type Plugin } from "./plugin.ts";
import { redactUrl } from "../lib/redact.ts";
import { stripColors } from "../lib/text.ts";
import { problemsError, suggestion } from "./problems.ts";

/**
 * The name, in the definition that an author writes, of the function that creates the instance. The table lists every
 * kind: the catalogue, the loader, `earshot list` and `earshot info` follow it.
 */
const factories: Readonly<Record<Kind, "open" | "profile">> = {
  backend: "open",
  dataset: "open",
  reporter: "open",
  load: "profile",
  dialect: "open",
};

/** Every kind of plugin. */
export const kinds: readonly Kind[] = Object.keys(factories) as Kind[];

/** Built-in plugins by kind and name; each is imported on first use. */
export type Catalogue = {
  readonly [K in Kind]: Readonly<
    Record<string, () => Promise<Plugin<K, never>>>
  >;
};

/** Options of {@linkcode loadPlugin}. */
export interface LoadOptions extends FetchOptions {
  /** Plugins that are known by name. */
  readonly catalogue: Partial<Catalogue>;
  /** Option that names the plugin, for errors about its name: `--load`. */
  readonly option?: string;
}

/** Version of the plugin contract that a plain definition must name. */
const API_VERSION = 1;

type Module = Readonly<Record<string, unknown>>;

/**
 * Loads a plugin by its specifier: a built-in name, a file (`./mine.ts`, an absolute path, a `file:` URL), or a URL
 * (`https:`, or `http:` on loopback; `#sha256=…` pins the source that is fetched).
 *
 * @throws {UsageError} If there is no such plugin, or the module does not export a plugin of this kind.
 */
export async function loadPlugin<K extends Kind>(
  kind: K,
  specifier: string,
  options: LoadOptions,
): Promise<Plugin<K, unknown>> {
  const module = await importModule(specifier, options);
  if (module !== undefined) {
    const isPath = isFile(specifier) && !/^file:/i.test(specifier);
    const use = isPath ? resolve(specifier) : specifier;
    return pluginIn(kind, module, redactUrl(specifier), use);
  }
  if (!isIn(options.catalogue, kind, specifier)) {
    throw unknownName(kind, specifier, options);
  }
  const load = options.catalogue[kind]![specifier]!;
  return await load() as Plugin<K, unknown>;
}

/**
 * Loads every plugin that a specifier names, whatever its kind: `csv` is both a dataset and a reporter.
 *
 * @throws {UsageError} If there is no such plugin, or the module does not export one.
 */
export async function loadPlugins(
  specifier: string,
  options: LoadOptions,
): Promise<readonly Plugin<Kind, unknown>[]> {
  const module = await importModule(specifier, options);
  if (module !== undefined) {
    const kind = kindIn(module) ?? "backend";
    return [pluginIn(kind, module, redactUrl(specifier))];
  }
  const found = kinds.filter((kind) =>
    isIn(options.catalogue, kind, specifier)
  );
  if (found.length === 0) throw unknownName("plugin", specifier, options);
  return await Promise.all(
    found.map((kind) => loadPlugin(kind, specifier, options)),
  );
}

/** Reports whether a specifier names a file, rather than a built-in plugin or a URL. */
export function isFile(specifier: string): boolean {
  return !isRemote(specifier) &&
    (/^(file:|\.{1,2}[\\/])/i.test(specifier) || isAbsolute(specifier) ||
      /\.[cm]?[jt]sx?$/.test(specifier));
}

/** Reports whether a specifier is the name of a built-in plugin, if there is one of that name. */
export function isBuiltIn(specifier: string): boolean {
  return !isRemote(specifier) && !isFile(specifier);
}

function isRemote(specifier: string): boolean {
  return /^https?:/i.test(specifier);
}

function isIn(
  catalogue: Partial<Catalogue>,
  kind: Kind,
  name: string,
): boolean {
  return Object.hasOwn(catalogue[kind] ?? {}, name);
}

/** Imports the module that a specifier names; returns undefined for the name of a built-in plugin. */
async function importModule(
  specifier: string,
  options: LoadOptions,
): Promise<Module | undefined> {
  if (isRemote(specifier)) return await importRemote(specifier, options);
  return isFile(specifier) ? await importFile(specifier) : undefined;
}

async function importFile(specifier: string): Promise<Module> {
  const failure = (what: string, cause?: unknown) =>
    new UsageError(`${specifier}: ${what}`, { cause });
  let path = specifier;
  let isFolder;
  try {
    path = /^file:/i.test(specifier)
      ? fileURLToPath(specifier)
      : resolve(specifier);
    isFolder = (await Deno.stat(path)).isDirectory;
  } catch (error) {
    throw error instanceof Deno.errors.NotFound
      ? failure(`file not found: ${path}`, error)
      : failure(`cannot be read: ${messageOf(error)}`, error);
  }
  if (isFolder) throw failure("must be a file");
  try {
    // deno-lint-ignore house/one-way-imports -- the module belongs to the user, not to this project
    return await import(pathToFileURL(path).href);
  } catch (error) {
    throw failure(`import failed: ${stripColors(messageOf(error))}`, error);
  }
}

function unknownName(
  kind: Kind | "plugin",
  name: string,
  { catalogue, option }: LoadOptions,
): UsageError {
  const prefix = option === undefined ? "" : `${option}: `;
  const wanted = kind === "plugin" ? kinds : [kind];
  const names = wanted.flatMap((each) => Object.keys(catalogue[each] ?? {}));
  const all = [...new Set(names)];
  const other = kinds.find((each) => isIn(catalogue, each, name));
  if (other !== undefined) {
    return new UsageError(
      `${prefix}"${name}" is a ${other}, not a ${kind}; ${suggestion("", all)}`,
    );
  }
  const hint = /^[a-z]+:/i.test(name)
    ? "a plugin is a built-in name, a file or an https: URL; bundle a package into one file first, with 'deno bundle'"
    : `${suggestion(name, all)}; a file begins with ./ or ends in .ts or .js`;
  return new UsageError(
    `${prefix}unknown ${kind} "${redactUrl(name)}"; ${hint}`,
  );
}

/** Returns the kind that the default export of a module declares. */
function kindIn({ default: found }: Module): Kind | undefined {
  const isObject = typeof found === "function" || isRecord(found);
  const kind: unknown = isObject ? Reflect.get(found, "kind") : undefined;
  return isKind(kind) ? kind : undefined;
}

function isKind(value: unknown): value is Kind {
  return (kinds as readonly unknown[]).includes(value);
}

/**
 * Returns the plugin that a module exports by default: one that `defineBackend` or another define function returned,
 * or a plain definition with `kind` and `apiVersion` beside it. Either is defined again here, so that its options are
 * checked by this copy of the library, whichever one it was bundled with.
 *
 * @param where Specifier of the module, for errors.
 * @param use Specifier of the module, for a configuration.
 * @throws {UsageError} If the module exports anything else; the error lists every problem.
 */
export function pluginIn<K extends Kind>(
  kind: K,
  module: Module,
  where: string,
  use = where,
): Plugin<K, unknown> {
  const found = module.default;
  const problems = problemsOf(kind, found, Object.keys(module));
  if (problems.length > 0) {
    throw problemsError(where, problems.map((message) => ({ message })));
  }
  if (typeof found === "function") {
    const { definition } = found as unknown as Plugin<K, unknown>;
    return define(kind, definition, use);
  }
  const definition = found as Module & Definition<K>;
  const create = definition[factories[kind]] as Definition<K>["open"];
  return define(kind, {
    ...definition,
    open: (options, context) => create.call(definition, options, context),
  }, use);
}

function problemsOf(
  kind: Kind,
  found: unknown,
  exported: readonly string[],
): string[] {
  const rule = `the default export must be a ${kind}`;
  if (found === undefined) {
    const others = exported.filter((name) => name !== "default");
    const names = others.join(", ") || "nothing";
    return [`${rule}, but the module exports ${names}`];
  }
  if (typeof found === "function") return problemsOfFunction(kind, found);
  if (!isRecord(found)) return [`${rule}, but was ${typeName(found)}`];
  if (isConfigured(found)) {
    return [
      `the default export must be the plugin itself, but "${found.name}" was already called with its options`,
    ];
  }
  const { kind: declared, apiVersion } = found;
  const version =
    `${API_VERSION}, the supported version of the plugin contract`;
  return [
    ...mustBe(declared === kind, "kind", `"${kind}"`, declared),
    ...mustBe(apiVersion === API_VERSION, "apiVersion", version, apiVersion),
    ...problemsOfDefinition(found, factories[kind]),
  ];
}

function problemsOfFunction(kind: Kind, found: object): string[] {
  if (!("kind" in found && "definition" in found)) {
    const define = `define${kind[0]!.toUpperCase()}${kind.slice(1)}`;
    const name = (found as { name?: string }).name || "(anonymous)";
    return [
      `the default export must be a plugin from ${define}, but was the function "${name}"`,
    ];
  }
  const { kind: declared, definition } = found;
  if (declared !== kind) return mustBe(false, "kind", `"${kind}"`, declared);
  return isRecord(definition)
    ? problemsOfDefinition(definition, "open")
    : mustBe(false, "definition", "an object", definition);
}

/** @param factory Name of the function that creates the instance. */
function problemsOfDefinition(
  definition: Module,
  factory: string,
): string[] {
  const { name, summary, primary, options, [factory]: create } = definition;
  const isName = typeof name === "string" &&
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name);
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  const isPrimary = primary === undefined || isText(primary);
  const schema = "a Standard Schema, such as one of zod, valibot or ArkType";
  return [
    ...mustBe(isName, "name", "a name in kebab case", name),
    ...mustBe(isText(summary), "summary", "one line of text", summary),
    ...mustBe(isPrimary, "primary", "the name of an option", primary),
    ...mustBe(isStandardSchema(options), "options", schema, options),
    ...mustBe(typeof create === "function", factory, "a function", create),
  ];
}

function mustBe(
  holds: boolean,
  name: string,
  rule: string,
  value: unknown,
): string[] {
  if (holds) return [];
  if (value === undefined) return [`${name} must be ${rule}, but is missing`];
  const isShown = typeof value === "string" || typeof value === "number";
  const shown = isShown ? JSON.stringify(value) : typeName(value);
  return [`${name} must be ${rule}, but was ${shown}`];
}

function isStandardSchema(value: unknown): boolean {
  // Some libraries make their schemas callable.
  if (typeof value !== "function" && !isRecord(value)) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return isRecord(standard) && standard.version === 1 &&
    typeof standard.validate === "function";
}

function isConfigured(found: Module): boolean {
  return isKind(found.kind) && !("apiVersion" in found) &&
    typeof found.name === "string" && typeof found.open === "function" &&
    "options" in found && !isStandardSchema(found.options);
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Loads plugins, each only once. */
export type PluginLoader = <K extends Kind>(
  kind: K,
  use: string,
) => Promise<Plugin<K, unknown>>;

/** Makes a loader of plugins that are known by name, by file or by URL. */
export function pluginLoader(catalogue: Catalogue): PluginLoader {
  const loaded = new Map<string, Promise<Plugin<Kind, unknown>>>();
  return <K extends Kind>(kind: K, use: string) => {
    const key = `${kind} ${use}`;
    const found = loaded.get(key) ?? loadPlugin(kind, use, { catalogue });
    loaded.set(key, found as Promise<Plugin<Kind, unknown>>);
    return found as Promise<Plugin<K, unknown>>;
  };
}
