import { isAbsolute, resolve } from "node:path";
import type { Problem } from "../core/errors.ts";
import { tryJson } from "../lib/json.ts";
import { isRecord } from "../lib/record.ts";
import { isEnvReference, isSecretPath, redact } from "../lib/redact.ts";
import { nearest } from "../lib/text.ts";
import { parseBytes, parseDuration } from "../lib/units.ts";
import {
  alternativesOf,
  choicesOf,
  type JsonSchema,
  resolveSchema,
  schemaAt,
} from "./schema.ts";
import type { SpecValue } from "./spec.ts";

/** A converted value, or the rule that the text breaks. */
type Converted = { readonly value: unknown } | {
  readonly rule: string;
  /** The valid value in few words: "a number". */
  readonly wanted?: string;
};

/** The option that a text is converted for. */
interface Context {
  /** Name of the option: its end gives the unit. */
  readonly name: string;
  /** Whether a number must have its unit, as the name was given without. @default {false} */
  readonly needsUnit?: boolean;
  /** Schema that references start from. */
  readonly root: JsonSchema;
}

/** Converts the text of an option to the type of its schema. */
export function convert(
  values: readonly SpecValue[],
  part: unknown,
  context: Context,
): Converted {
  const schema = resolveSchema(part, context.root);
  const types = Array.isArray(schema.type)
    ? schema.type.map((type) => ({ ...schema, type }))
    : alternativesOf(schema);
  const choices = choicesOf(schema, context.root);
  if (choices) return one(values, (value) => toChoice(value, choices));
  if (types.length > 0) return firstOf(values, types, context);
  switch (schema.type) {
    case "array":
      return toList(values, schema.items, context);
    case "object":
      return one(values, toObject);
    case "number":
    case "integer":
      return one(values, (value) => toNumber(value, schema.type, context));
    case "boolean":
      return one(
        values,
        (value) => toChoice(value, [true, false], "true or false"),
      );
    case "null":
      return one(values, (value) => toChoice(value, [null], "null"));
    case "string":
      return one(values, ({ text }) => ({ value: text }));
    default:
      return values.length === 1
        ? { value: guess(values[0]!) }
        : { value: values.map(guess) };
  }
}

/** Takes the first alternative that fits. Text fits everything and is tried last, unless the value is quoted. */
function firstOf(
  values: readonly SpecValue[],
  alternatives: readonly unknown[],
  context: Context,
): Converted {
  const isText = (part: unknown) =>
    resolveSchema(part, context.root).type === "string";
  const sign = values.some(({ quoted }) => quoted) ? -1 : 1;
  const inOrder = alternatives.toSorted((a, b) =>
    sign * (Number(isText(a)) - Number(isText(b)))
  );
  const rules = new Set<string>();
  const wanted = new Set<string | undefined>();
  for (const alternative of inOrder) {
    const result = convert(values, alternative, context);
    if ("value" in result) return result;
    rules.add(result.rule);
    wanted.add(result.wanted);
  }
  if (rules.size === 1 || wanted.has(undefined)) {
    return { rule: [...rules].join("; or ") };
  }
  // Next to a word for it, such as "off", false is noise.
  if (wanted.size > 2) wanted.delete("false");
  const text = values.map(({ text }) => text).join(",");
  return {
    rule: `must be ${[...wanted].join(", or ")}, but was ${shown(text)}`,
  };
}

function one(
  values: readonly SpecValue[],
  to: (value: SpecValue) => Converted,
): Converted {
  if (values.length === 1) return to(values[0]!);
  const whole = values.map(({ text }) => text).join(",");
  return {
    rule:
      `takes one value, and one with a comma must be quoted, but was ${whole}`,
  };
}

function toList(
  values: readonly SpecValue[],
  items: unknown,
  context: Context,
): Converted {
  const [first] = values;
  if (values.length === 1 && first) {
    if (first.text === "" && !first.quoted) return { value: [] };
    const json = tryJson(first.text);
    if (Array.isArray(json) && !isScalar(items, context)) {
      return { value: json };
    }
  }
  const list: unknown[] = [];
  for (const value of values) {
    const result = convert([value], items ?? {}, context);
    if ("rule" in result) return result;
    list.push(result.value);
  }
  return { value: list };
}

function isScalar(part: unknown, { root }: Context): boolean {
  const { type } = resolveSchema(part, root);
  return typeof type === "string" && !["object", "array"].includes(type);
}

function toChoice(
  { text }: SpecValue,
  choices: readonly unknown[],
  rule = `one of ${choices.join(", ")}`,
): Converted {
  const names = choices.map(String);
  const at = names.indexOf(text);
  if (at >= 0) return { value: choices[at] };
  const near = nearest(text, names);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return {
    rule: `must be ${rule}, but was ${shown(text)}${meant}`,
    wanted: names.join(", or "),
  };
}

function toNumber(
  { text }: SpecValue,
  type: unknown,
  { name, needsUnit = false }: Context,
): Converted {
  const unit = unitOf(name);
  const isNumber = /^[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text);
  if (isNumber && needsUnit && unit && Number(text) !== 0) {
    return {
      rule: `must have a unit, such as ${text}${unit.unit}, but was ${text}`,
      wanted: unit.example,
    };
  }
  const value = isNumber ? Number(text) : unit?.parse(text);
  const isWhole = type === "integer";
  if (value === undefined || (isWhole && !Number.isInteger(value))) {
    const noun = isWhole ? "a whole number" : "a number";
    return {
      rule: `must be ${noun}${unit?.hint ?? ""}, but was ${shown(text)}`,
      wanted: unit?.example ?? noun,
    };
  }
  return { value };
}

/** Units by the end of an option's name: `chunkMs`, `maxSeconds`, `bufferBytes`. */
const UNITS = [
  {
    names: /(^ms|Ms)$/,
    parse: parseDuration,
    unit: "s",
    hint: " of milliseconds, or one with ms, s, m or h",
    example: "a duration such as 90s",
  },
  {
    names: /(^seconds|Seconds)$/,
    parse(text: string) {
      const ms = parseDuration(text);
      return ms === undefined ? undefined : ms / 1000;
    },
    unit: "s",
    hint: " of seconds, or one with ms, s, m or h",
    example: "a duration such as 90s",
  },
  {
    names: /(^bytes|Bytes)$/,
    parse: parseBytes,
    unit: "KiB",
    hint: " of bytes, or one with kB, MB, KiB or MiB",
    example: "a size such as 16MiB",
  },
] as const;

function unitOf(name: string) {
  return UNITS.find(({ names }) => names.test(name));
}

/** Name of an option without its unit: `spread` of `spreadMs`. */
export function withoutUnit(name: string): string {
  return name.replace(/(?<=.)(Ms|Seconds|Bytes)$/, "");
}

/** Reads JSON. Text in its place is not shown, since for `headers` it may be a key. */
function toObject({ text }: SpecValue): Converted {
  const value = tryJson(text);
  if (isRecord(value)) return { value };
  return {
    rule:
      `must be given key by key, as option.key=value, or as JSON in single quotes, but was ${
        text === "" ? "empty" : `a text of ${text.length} characters`
      }`,
  };
}

/** Reads JSON as such, unless it is quoted: only objects and lists are read then. */
function guess({ text, quoted }: SpecValue): unknown {
  const json = tryJson(text);
  const isText = json === undefined || typeof json === "string" ||
    (quoted && (typeof json !== "object" || json === null));
  return isText ? text : json;
}

function shown(text: string): string {
  return text === "" ? "empty" : text;
}

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

/** Replaces every `{ env: NAME }` by the value of the variable. A variable that is not set is a problem. */
export function resolveEnv(
  options: unknown,
  env: (name: string) => string | undefined,
): { readonly resolved: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const resolved = mapParts(options, (value, keys) => {
    if (!isReference(value, keys)) return value;
    const text = env(value.env);
    if (!text) {
      const message =
        `must be {env: NAME} of a variable that is set, but ${value.env} is not`;
      problems.push({ path: keys.join("."), message });
    }
    return text ?? "";
  });
  return { resolved, problems };
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
    const name = keys.at(-1) ?? "";
    if (typeof value !== "string" || !unitOf(name)) return value;
    const given = [{ text: value, quoted: false }];
    const result = convert(given, schemaAt(keys, root), { name, root });
    return "value" in result ? result.value : value;
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
