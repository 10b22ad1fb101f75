import { isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf, UsageError } from "../core/errors.ts";
import { type FetchOptions, importRemote } from "./load_remote.ts";
import { kindIn, pluginIn } from "./load_shape.ts";
import { shownUrl } from "./redact.ts";
import { type Kind, kinds, type Plugin } from "./plugin.ts";
import { suggestion } from "./schema_hints.ts";

/** Plugins by kind and name, each loaded when it is asked for. */
export type Catalogue = {
  readonly [K in Kind]: Readonly<
    Record<string, () => Promise<Plugin<K, never>>>
  >;
};

/** Where plugins come from. */
export interface LoadOptions extends FetchOptions {
  /** Those that are known by name. */
  readonly catalogue: Catalogue;
  /** The folder that relative paths start from. @default Deno.cwd() */
  readonly cwd?: string;
  /** The option that names the plugin, for errors about its name: `--load`. */
  readonly option?: string;
}

/**
 * Loads a plugin by its specifier: a built-in name, a file (`./mine.ts`, an absolute path, a `file:` URL), or a URL
 * (`https:`, or `http:` on loopback; `#sha256=…` pins the source that is fetched).
 *
 * @throws {UsageError} If there is no such plugin, or the module holds anything but a plugin of this kind.
 */
export async function loadPlugin<K extends Kind>(
  kind: K,
  specifier: string,
  options: LoadOptions,
): Promise<Plugin<K, unknown>> {
  const module = await importModule(specifier, options);
  if (module !== undefined) {
    return pluginIn(kind, module, shownUrl(specifier));
  }
  const { catalogue } = options;
  if (Object.hasOwn(catalogue[kind], specifier)) {
    return await catalogue[kind][specifier]!() as Plugin<K, unknown>;
  }
  throw unknownName(kind, specifier, options);
}

/**
 * Loads every plugin that a specifier names: one from a file or URL, whatever its kind; of a built-in name, one of each
 * kind that has it.
 *
 * @throws {UsageError} If there is none.
 */
export async function loadPlugins(
  specifier: string,
  options: LoadOptions,
): Promise<readonly Plugin<Kind, unknown>[]> {
  const module = await importModule(specifier, options);
  if (module !== undefined) {
    return [pluginIn(kindIn(module) ?? "backend", module, shownUrl(specifier))];
  }
  const { catalogue } = options;
  const found = kinds.filter((kind) =>
    Object.hasOwn(catalogue[kind], specifier)
  );
  if (found.length === 0) throw unknownName("plugin", specifier, options);
  return await Promise.all(
    found.map((kind) => loadPlugin(kind, specifier, options)),
  );
}

/** Imports the module that a specifier names; returns undefined if it is the name of a built-in plugin. */
async function importModule(
  specifier: string,
  options: LoadOptions,
): Promise<Record<string, unknown> | undefined> {
  if (/^https?:/i.test(specifier)) {
    return await importRemote(specifier, options);
  }
  return isFile(specifier) ? await importFile(specifier, options) : undefined;
}

/** Whether a specifier names a file, and no built-in plugin. */
function isFile(specifier: string): boolean {
  return /^(file:|\.{1,2}[\\/])/i.test(specifier) || isAbsolute(specifier) ||
    /\.[cm]?[jt]sx?$/.test(specifier);
}

async function importFile(
  specifier: string,
  { cwd = Deno.cwd() }: LoadOptions,
): Promise<Record<string, unknown>> {
  const refuse = (rule: string, cause?: unknown) =>
    new UsageError(`Cannot load "${specifier}" as ${rule}`, { cause });
  const path = /^file:/i.test(specifier)
    ? pathOf(specifier, refuse)
    : resolve(cwd, specifier);
  const found = await Deno.stat(path).catch((error: unknown) => error);
  if (found instanceof Error) {
    const rule = found instanceof Deno.errors.NotFound
      ? `there is no file ${path}`
      : `${path} cannot be read: ${messageOf(found)}`;
    throw refuse(rule, found);
  }
  if (!(found as Deno.FileInfo).isFile) throw refuse(`${path} must be a file`);
  try {
    // deno-lint-ignore house/one-way-imports -- it is the user's file, and none of the house
    return await import(pathToFileURL(path).href);
  } catch (error) {
    throw refuse(`it failed when it was imported: ${messageOf(error)}`, error);
  }
}

function pathOf(
  specifier: string,
  refuse: (rule: string, cause?: unknown) => UsageError,
): string {
  try {
    return fileURLToPath(specifier);
  } catch (error) {
    throw refuse(`it must be the URL of a file: ${messageOf(error)}`, error);
  }
}

function unknownName(
  kind: Kind | "plugin",
  name: string,
  { catalogue, option }: LoadOptions,
): UsageError {
  const prefix = option === undefined ? "" : `${option}: `;
  const wanted = kind === "plugin" ? kinds : [kind];
  const names = [
    ...new Set(wanted.flatMap((each) => Object.keys(catalogue[each]))),
  ];
  const other = kinds.find((each) => Object.hasOwn(catalogue[each], name));
  if (other !== undefined) {
    return new UsageError(
      `${prefix}"${name}" is a ${other}, not a ${kind}; ${
        suggestion("", names)
      }`,
    );
  }
  const isScheme = /^[a-z]+:/i.test(name);
  const hint = isScheme
    ? "a plugin is a built-in name, a file or an https: URL; bundle a package into one file first, with 'deno bundle'"
    : `${suggestion(name, names)}; a file begins with ./ or ends in .ts or .js`;
  return new UsageError(
    `${prefix}unknown ${kind} "${shownUrl(name)}"; ${hint}`,
  );
}
