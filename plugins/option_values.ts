import { isAbsolute, resolve } from "node:path";
import { isRecord } from "../lib/record.ts";
import { isEnvReference, isSecretPath, redact } from "../lib/redact.ts";
import { type Problem, UsageError } from "../core/errors.ts";
import { convertText } from "./convert.ts";
import { type JsonSchema, resolveSchema, schemaAt } from "./problems.ts";

/** Changes a value at a path of keys; returns it as it is to keep it. */
type Change = (value: unknown, keys: readonly string[]) => unknown;

/** Changes the parts of a value, outer ones first. What does not change stays the same object. */
function mapParts(
  value: unknown,
  change: Change,
  keys: readonly string[] = [],
): unknown {
  const changed = change(value, keys);
  const isList = Array.isArray(changed);
  const isPlain = isRecord(changed) &&
    [Object.prototype, null].includes(Object.getPrototypeOf(changed));
  if (!isList && (!isPlain || isEnvReference(changed, keys))) return changed;
  const before = Object.entries(changed);
  const after = before.map(([key, part]) =>
    [key, mapParts(part, change, [...keys, key])] as const
  );
  if (after.every(([, part], i) => part === before[i]![1])) return changed;
  return isList ? after.map(([, part]) => part) : Object.fromEntries(after);
}

/**
 * Replaces every `{ env: NAME }` by the value of the variable.
 *
 * @throws {UsageError} If a variable is not set.
 */
export function resolveEnv(
  options: unknown,
  env: (name: string) => string | undefined,
): unknown {
  const problems: Problem[] = [];
  const resolved = mapParts(options, (value, keys) => {
    if (!isReference(value, keys)) return value;
    const text = env(value.env);
    if (text === undefined || text === "") {
      const path = keys.join(".");
      const message =
        `must be {env: NAME} of a variable that is set, but ${value.env} is not`;
      problems.push({ path, message });
    }
    return text ?? "";
  });
  if (problems.length === 0) return resolved;
  throw new UsageError(
    problems.map(({ path, message }) => `${path} ${message}`).join("\n"),
    { problems },
  );
}

/** In a request's body an object with the only key `env` may be data: there it is a reference only where a secret is. */
function isReference(
  value: unknown,
  keys: readonly string[],
): value is { readonly env: string } {
  return isEnvReference(value, keys) &&
    (isSecretPath(keys) || keys[0] === "target");
}

/** Adds the defaults of a JSON Schema to options, and to objects in them. */
export function withDefaults(
  options: unknown,
  part: unknown,
  root: JsonSchema,
): unknown {
  const { properties } = resolveSchema(part, root);
  if (!isRecord(options) || !isRecord(properties)) return options;
  const result: Record<string, unknown> = { ...options };
  for (const [key, property] of Object.entries(properties)) {
    const schema = resolveSchema(property, root);
    if (Object.hasOwn(result, key)) {
      result[key] = withDefaults(result[key], schema, root);
    } else if ("default" in schema) {
      result[key] = schema.default;
    }
  }
  return result;
}

/** Converts text such as "60s" where the schema wants a number and the option's name has a unit. */
export function convertUnits(options: unknown, root: JsonSchema): unknown {
  return mapParts(options, (value, keys) => {
    const name = keys.at(-1);
    if (typeof value !== "string" || name === undefined) return value;
    return /(^ms|Ms|^seconds|Seconds|^bytes|Bytes)$/.test(name)
      ? convertText(value, schemaAt(keys, root), { name, root })
      : value;
  });
}

/** Resolves the relative paths in options: the values whose schema has `format: "path"`. */
export function resolvePaths(
  options: unknown,
  root: JsonSchema,
  folder: string,
): unknown {
  return mapParts(
    options,
    (value, keys) =>
      typeof value === "string" && schemaAt(keys, root).format === "path"
        ? resolvePath(value, folder)
        : value,
  );
}

/** Resolves a relative path against a folder; standard output and URLs stay. */
export function resolvePath(path: string, folder: string): string {
  const isPlace = path === "-" || path === "" || isAbsolute(path) ||
    /^[a-z][a-z0-9+.-]+:/i.test(path);
  return isPlace ? path : resolve(folder, path);
}

/** Lists the options whose values were redacted. */
export function redactedPaths(options: unknown): string[] {
  const paths: string[] = [];
  mapParts(options, (value, keys) => {
    const isHidden = typeof value === "string" && value.includes("***") &&
      (value === "***" || redact(value) === value);
    if (isHidden) paths.push(keys.join("."));
    return value;
  });
  return paths;
}
