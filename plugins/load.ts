import { isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf, UsageError } from "../core/errors.ts";
import { type FetchOptions, importRemote } from "./load_remote.ts";
import { pluginIn } from "./load_shape.ts";
import { shownUrl } from "./redact.ts";
import type { Kind, Plugin } from "./plugin.ts";
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
}

/**
 * Loads a plugin by what a user calls it: a built-in name, a file (`./mine.ts`, an absolute path, a `file:` URL), or
 * a URL (`https:`, or `http:` on loopback; `#sha256=…` pins what is fetched).
 *
 * @throws {UsageError} If there is none, or what is there is no plugin of this kind.
 */
export async function loadPlugin<K extends Kind>(
  kind: K,
  specifier: string,
  options: LoadOptions,
): Promise<Plugin<K, unknown>> {
  if (/^https?:/i.test(specifier)) {
    const module = await importRemote(specifier, options);
    return pluginIn(kind, module, shownUrl(specifier));
  }
  if (isFile(specifier)) {
    return pluginIn(
      kind,
      await importFile(kind, specifier, options),
      specifier,
    );
  }
  const { catalogue } = options;
  if (Object.hasOwn(catalogue[kind], specifier)) {
    return await catalogue[kind][specifier]!() as Plugin<K, unknown>;
  }
  throw unknownName(kind, specifier, catalogue);
}

/** Whether a specifier names a file, and no built-in plugin. */
function isFile(specifier: string): boolean {
  return /^(file:|\.{1,2}[\\/])/i.test(specifier) || isAbsolute(specifier) ||
    /\.[cm]?[jt]sx?$/.test(specifier);
}

async function importFile(
  kind: Kind,
  specifier: string,
  { cwd = Deno.cwd() }: LoadOptions,
): Promise<Record<string, unknown>> {
  const refuse = (rule: string, cause?: unknown) =>
    new UsageError(`Cannot load ${kind} "${specifier}" as ${rule}`, { cause });
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
  kind: Kind,
  name: string,
  catalogue: Catalogue,
): UsageError {
  const others = Object.keys(catalogue).filter((other) =>
    Object.hasOwn(catalogue[other as Kind], name)
  );
  if (others.length > 0) {
    return new UsageError(
      `Cannot load "${name}" as a ${kind} is needed: it is a ${others[0]}; ${
        suggestion("", Object.keys(catalogue[kind]))
      }`,
    );
  }
  if (/^[a-z]+:/i.test(name)) {
    return new UsageError(
      `Cannot load ${kind} "${
        shownUrl(name)
      }" as a plugin is a built-in name, a file or an https: URL: bundle a package into one file first, with 'deno bundle'`,
    );
  }
  return new UsageError(
    `Cannot load ${kind} "${name}" as there is none of this name; ${
      suggestion(name, Object.keys(catalogue[kind]))
    }; a file begins with ./ or ends in .ts or .js`,
  );
}
