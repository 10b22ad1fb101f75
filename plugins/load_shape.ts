import { UsageError } from "../core/errors.ts";
import {
  define,
  type Definition,
  factories,
  type Kind,
  kinds,
  type Plugin,
} from "./plugin.ts";
import { isRecord } from "../lib/record.ts";

/** The version of the seam that a plain definition has to name. */
const API_VERSION = 1;

/**
 * The plugin that a module holds: its default export, made by `defineBackend` and the like, or a plain definition
 * with `kind` and `apiVersion` beside it. Either way it becomes one of ours, so that errors are ours too.
 *
 * @param where The module as the user named it.
 * @throws {UsageError} If it holds anything else: every fault is listed.
 */
export function pluginIn<K extends Kind>(
  kind: K,
  module: Readonly<Record<string, unknown>>,
  where: string,
): Plugin<K, unknown> {
  const found = module.default;
  const faults = faultsOf(kind, found, Object.keys(module));
  if (faults.length === 1) {
    throw new UsageError(`Cannot load ${kind} "${where}" as ${faults[0]}`);
  }
  if (faults.length > 1) {
    throw new UsageError(
      `Cannot load ${kind} "${where}":${
        faults.map((fault) => `\n  ${fault}`).join("")
      }`,
      { problems: faults.map((message) => ({ message })) },
    );
  }
  if (typeof found === "function") {
    return define(kind, (found as unknown as Plugin<K, unknown>).definition);
  }
  const definition = found as Record<string, unknown> & Definition<K>;
  const create = definition[factories[kind]] as Definition<K>["open"];
  return define(kind, {
    ...definition,
    open: (options, context) => create.call(definition, options, context),
  });
}

/** Returns the kind that the default export of a module declares, if it declares one. */
export function kindIn(
  { default: found }: Readonly<Record<string, unknown>>,
): Kind | undefined {
  const declares = typeof found === "function" || isRecord(found);
  const kind: unknown = declares ? Reflect.get(found, "kind") : undefined;
  return isKind(kind) ? kind : undefined;
}

function isKind(value: unknown): value is Kind {
  return (kinds as readonly unknown[]).includes(value);
}

function faultsOf(
  kind: Kind,
  found: unknown,
  exported: readonly string[],
): string[] {
  const wanted = `it must be the module's default export`;
  if (found === undefined) {
    const names = exported.filter((name) => name !== "default");
    const others = names.length > 0 ? names.join(", ") : "nothing";
    return [`${wanted}: the module exports ${others}`];
  }
  if (typeof found === "function") return faultsOfFunction(kind, found);
  if (!isRecord(found)) {
    return [`${wanted}: ${typeName(found)} was found there`];
  }
  if (isConfigured(found)) {
    return [
      `the plugin itself must be exported, and not one with its options: "${found.name}" was called already`,
    ];
  }
  return [
    ...faultsOfLabel(kind, found),
    ...faultsOfDefinition(found, factories[kind]),
  ];
}

function faultsOfFunction(kind: Kind, found: object): string[] {
  if (!("kind" in found && "definition" in found)) {
    return [
      `a function must come from define${
        kind[0]!.toUpperCase() + kind.slice(1)
      }: "${
        (found as { name?: string }).name || "(anonymous)"
      }", which does not, was found as the default export`,
    ];
  }
  const wrong = faultOfKind(kind, found.kind);
  if (wrong) return [wrong];
  return isRecord(found.definition)
    ? faultsOfDefinition(found.definition, "open")
    : [
      `'definition' must be an object: ${typeName(found.definition)} was found`,
    ];
}

/** What a plain definition says of itself. */
function faultsOfLabel(
  kind: Kind,
  { kind: its, apiVersion }: Record<string, unknown>,
): string[] {
  const wrong = faultOfKind(kind, its);
  const version = apiVersion === API_VERSION
    ? undefined
    : `'apiVersion' must be ${API_VERSION}, the version of the plugin contract that this earshot knows: ${
      shown(apiVersion)
    }`;
  return [wrong, version].filter((fault) => fault !== undefined);
}

function faultOfKind(kind: Kind, its: unknown): string | undefined {
  if (its === kind) return undefined;
  return isKind(its)
    ? `it must be a ${kind}: it is a ${its}`
    : `'kind' must be "${kind}": ${shown(its)}`;
}

function faultsOfDefinition(
  definition: Record<string, unknown>,
  factory: string,
): string[] {
  const { name, summary, primary, options, [factory]: create } = definition;
  const rules: [boolean, string, unknown][] = [
    [
      typeof name === "string" && /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name),
      "'name' must be a name in kebab case",
      name,
    ],
    [
      typeof summary === "string" && summary !== "",
      "'summary' must be one line of text",
      summary,
    ],
    [
      primary === undefined || (typeof primary === "string" && primary !== ""),
      "'primary' must be the name of an option",
      primary,
    ],
    [
      isStandardSchema(options),
      "'options' must be a Standard Schema, as of zod, valibot or ArkType",
      options,
    ],
    [
      typeof create === "function",
      `'${factory}' must be a function`,
      create,
    ],
  ];
  return rules.filter(([holds]) => !holds)
    .map(([, rule, value]) => `${rule}: ${shown(value)}`);
}

function isStandardSchema(value: unknown): boolean {
  // Some libraries make their schemas callable.
  if (typeof value !== "function" && !isRecord(value)) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return isRecord(standard) && standard.version === 1 &&
    typeof standard.validate === "function";
}

function isConfigured(found: Record<string, unknown>): boolean {
  return isKind(found.kind) && !("apiVersion" in found) &&
    typeof found.name === "string" && typeof found.open === "function" &&
    "options" in found && !isStandardSchema(found.options);
}

function shown(value: unknown): string {
  if (value === undefined) return "it is missing";
  const text = typeof value === "string" || typeof value === "number"
    ? JSON.stringify(value)
    : typeName(value);
  return `current value is ${text}`;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return {
    object: "an object",
    undefined: "nothing",
  }[typeof value as string] ??
    `a ${typeof value}`;
}
