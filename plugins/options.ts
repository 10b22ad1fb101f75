import { isRecord } from "../lib/record.ts";
import { nearest } from "../lib/nearest.ts";
import { parseBytes, parseDuration } from "../lib/units.ts";
import type { Problem } from "../core/errors.ts";
import {
  alternativesOf,
  choicesOf,
  type JsonSchema,
  jsonSchemaOf,
  resolveSchema,
  suggestion,
} from "./problems.ts";
import { redactRule, redactUrl } from "../lib/redact.ts";
import type { Spec, SpecValue } from "./spec.ts";
import type { StandardSchemaV1 } from "./standard_schema.ts";

/** The part of a plugin's definition that says which options it takes. */
export interface OptionsDefinition {
  /** The option that `NAME=VALUE` sets. */
  readonly primary?: string | undefined;
  /** Schema of the options. */
  readonly options: StandardSchemaV1;
}

/** Options that were parsed from text, and the problems of those that were not. */
export interface ParsedOptions {
  /** The options whose values have the right type, by name. */
  readonly options: Record<string, unknown>;
  /** Unknown options and values of the wrong type. */
  readonly problems: readonly Problem[];
}

/**
 * Converts the values of a spec to the types of the plugin's JSON Schema. Where the schema has no type, `true`,
 * `false`, `null`, numbers and JSON are read as such unless they are quoted. An option whose name ends in `Ms`,
 * `Seconds` or `Bytes` takes a bare number or one with a unit.
 *
 * Only types are checked here; ranges and other rules are checked by the schema itself.
 */
export function parseOptions(
  spec: Spec,
  { primary, options: standard }: OptionsDefinition,
): ParsedOptions {
  const root = jsonSchemaOf(standard) ?? {};
  const options: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const { key, values } of optionsOf(spec, primary, problems)) {
    const place = placeOf(key, root, root);
    const result = "rule" in place
      ? place
      : convert(values, place.schema, { name: place.path.at(-1)!, root });
    const rule = "rule" in result
      ? result.rule
      : "rule" in place || put(options, place.path, result.value)
      ? undefined
      : "must be given once";
    if (rule === undefined) continue;
    problems.push({ path: key, message: redactRule(rule, key.split(".")) });
  }
  return { options, problems };
}

/** Lists all options of a spec, the primary one by its name. */
function optionsOf(
  { primary: values, options }: Spec,
  primary: string | undefined,
  problems: Problem[],
): Spec["options"] {
  if (!values) return options;
  if (primary !== undefined) return [{ key: primary, values }, ...options];
  const text = values.map(({ text }) => text).join(",");
  const message = "has no option name: give it as key=value";
  problems.push({ path: `=${redactUrl(text)}`, message });
  return options;
}

/** Finds the schema of a dotted key: `headers.X-Key` is the key `X-Key` of the object `headers`. */
function placeOf(
  key: string,
  part: unknown,
  root: JsonSchema,
): { path: string[]; schema: unknown } | { rule: string } {
  const schema = objectOf(part, root);
  if (!schema) return { rule: "takes a value, and has no keys" };
  const { properties: known, additionalProperties: others } = schema;
  const properties = isRecord(known) ? known : {};
  if (Object.hasOwn(properties, key)) {
    return { path: [key], schema: properties[key] };
  }
  const [head, rest] = split(key);
  if (rest !== undefined && Object.hasOwn(properties, head)) {
    return below(head, placeOf(rest, properties[head], root));
  }
  if (others === false || (others === undefined && isRecord(known))) {
    const names = Object.keys(properties);
    return { rule: `unknown option; ${suggestion(head, names)}` };
  }
  return rest !== undefined && objectOf(others, root)
    ? below(head, placeOf(rest, others, root))
    : { path: [key], schema: others };
}

function below(
  head: string,
  place: ReturnType<typeof placeOf>,
): ReturnType<typeof placeOf> {
  return "rule" in place ? place : { ...place, path: [head, ...place.path] };
}

function split(key: string): [string, string | undefined] {
  const at = key.indexOf(".", 1);
  return at < 0 ? [key, undefined] : [key.slice(0, at), key.slice(at + 1)];
}

/** The part of a schema that describes an object, if the value may be an object. */
function objectOf(part: unknown, root: JsonSchema): JsonSchema | undefined {
  const schema = resolveSchema(part, root);
  if (schema.type === "object" || isRecord(schema.properties)) return schema;
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) {
    return alternatives.map((each) => objectOf(each, root)).find(Boolean);
  }
  return schema.type === undefined && !("enum" in schema || "const" in schema)
    ? schema
    : undefined;
}

/** Sets the value at a path. Returns false if it has a value already. */
function put(
  target: Record<string, unknown>,
  [key, ...rest]: readonly string[],
  value: unknown,
): boolean {
  if (key === undefined) return false;
  const existing = Object.hasOwn(target, key) ? target[key] : undefined;
  if (rest.length > 0 && isRecord(existing)) return put(existing, rest, value);
  if (existing !== undefined) return false;
  const below: Record<string, unknown> = {};
  // Defined, not assigned, so that a key such as __proto__ is an ordinary key.
  Object.defineProperty(target, key, {
    value: rest.length > 0 ? below : value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
  return rest.length === 0 || put(below, rest, value);
}

/** A converted value, or the rule that the text breaks. */
type Converted = { readonly value: unknown } | {
  readonly rule: string;
  /** What the value must be, in few words: "a number". */
  readonly wanted?: string;
};

/** The option that a text is converted for. */
export interface Context {
  /** Name of the option: its end gives the unit. */
  readonly name: string;
  /** Schema that references start from. */
  readonly root: JsonSchema;
}

/** Converts the text of an option to the type of its schema. */
function convert(
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
      return one(values, toBoolean);
    case "null":
      return one(values, toNull);
    case "string":
      return one(values, ({ text }) => ({ value: text }));
    default:
      return values.length === 1
        ? { value: guess(values[0]!) }
        : { value: values.map(guess) };
  }
}

/** Converts a text with a unit to a number if the schema wants one; otherwise returns the text. */
export function convertText(
  text: string,
  schema: JsonSchema,
  context: Context,
): unknown {
  const result = convert([{ text, quoted: false }], schema, context);
  return "value" in result ? result.value : text;
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
    const json = fromJson(first.text, "[");
    if (json !== undefined && !isScalar(items, context)) return { value: json };
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

function toChoice({ text }: SpecValue, choices: readonly unknown[]): Converted {
  const names = choices.map(String);
  const at = names.indexOf(text);
  if (at >= 0) return { value: choices[at] };
  const near = nearest(text, names);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return {
    rule: `must be one of ${names.join(", ")}, but was ${shown(text)}${meant}`,
    wanted: names.join(", or "),
  };
}

function toNumber(
  { text }: SpecValue,
  type: unknown,
  { name }: Context,
): Converted {
  const { parse, hint, example } = unitOf(name);
  const value = /^[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)
    ? Number(text)
    : parse(text);
  const isWhole = type === "integer";
  if (value === undefined || (isWhole && !Number.isInteger(value))) {
    const noun = isWhole ? "a whole number" : "a number";
    return {
      rule: `must be ${noun}${hint}, but was ${shown(text)}`,
      wanted: example ?? noun,
    };
  }
  return { value };
}

interface Unit {
  parse(text: string): number | undefined;
  readonly hint: string;
  readonly example?: string;
}

/** The unit that the end of an option's name gives: `chunkMs`, `maxSeconds`, `bufferBytes`. */
function unitOf(name: string): Unit {
  if (/(^ms|Ms)$/.test(name)) {
    return {
      parse: parseDuration,
      hint: " of milliseconds, or one with ms, s, m or h",
      example: "a duration such as 90s",
    };
  }
  if (/(^seconds|Seconds)$/.test(name)) {
    const parse = (text: string) => {
      const ms = parseDuration(text);
      return ms === undefined ? undefined : ms / 1000;
    };
    return {
      parse,
      hint: " of seconds, or one with ms, s, m or h",
      example: "a duration such as 90s",
    };
  }
  if (/(^bytes|Bytes)$/.test(name)) {
    return {
      parse: parseBytes,
      hint: " of bytes, or one with kB, MB, KiB or MiB",
      example: "a size such as 16MiB",
    };
  }
  return { parse: () => undefined, hint: "" };
}

function toBoolean({ text }: SpecValue): Converted {
  return text === "true" || text === "false" ? { value: text === "true" } : {
    rule: `must be true or false, but was ${shown(text)}`,
    wanted: "true, or false",
  };
}

function toNull({ text }: SpecValue): Converted {
  return text === "null" ? { value: null } : {
    rule: `must be null, but was ${shown(text)}`,
    wanted: "null",
  };
}

/** Reads JSON. Text in its place is not shown, since for `headers` it may be a key. */
function toObject({ text }: SpecValue): Converted {
  const value = fromJson(text, "{");
  if (value !== undefined) return { value };
  return {
    rule:
      `must be given key by key, as option.key=value, or as JSON in single quotes, but was ${
        text === "" ? "empty" : `a text of ${text.length} characters`
      }`,
  };
}

function guess({ text, quoted }: SpecValue): unknown {
  const json = fromJson(text, "{") ?? fromJson(text, "[");
  if (json !== undefined) return json;
  if (quoted || !/^(true|false|null|-?\d+(\.\d+)?(e[+-]?\d+)?)$/i.test(text)) {
    return text;
  }
  return parseJson(text) ?? (text === "null" ? null : text);
}

function fromJson(text: string, opening: "{" | "["): unknown {
  return text.trimStart().startsWith(opening) ? parseJson(text) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shown(text: string): string {
  return text === "" ? "empty" : text;
}

/** Formats the options of a plugin for people: name, type, default, meaning. */
export function optionLines(
  schema: JsonSchema | undefined,
  { name, primary }: { name: string; primary?: string | undefined },
): readonly string[] {
  if (schema === undefined) return ["  (the schema does not list its options)"];
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const rows = Object.entries(properties).map(([key, part]) => {
    const option = resolveSchema(part, schema);
    return {
      key,
      type: typeOf(option, schema),
      note: noteOf(option, required.includes(key)),
    };
  });
  if (rows.length === 0) return ["  no options"];
  const widthOf = (texts: readonly string[]) =>
    Math.min(28, Math.max(...texts.map((text) => text.length)));
  const keyWidth = widthOf(rows.map(({ key }) => key));
  const typeWidth = widthOf(rows.map(({ type }) => type));
  return [
    ...rows.map(({ key, type, note }) =>
      `  ${key.padEnd(keyWidth)}  ${type.padEnd(typeWidth)}  ${note}`.trimEnd()
    ),
    ...(primary === undefined ? [] : ["", `  ${name}=VALUE sets ${primary}`]),
  ];
}

function typeOf(option: JsonSchema, root: JsonSchema): string {
  const choices = choicesOf(option, root);
  if (choices) return choices.map(String).join(" | ");
  if (Array.isArray(option.anyOf)) {
    return option.anyOf.map((part) => typeOf(resolveSchema(part, root), root))
      .join(" | ");
  }
  if (option.type === "array") {
    return `${typeOf(resolveSchema(option.items, root), root)}, …`;
  }
  return typeof option.type === "string" ? option.type : "any";
}

function noteOf(option: JsonSchema, required: boolean): string {
  const notes = [
    ...(required ? ["required"] : []),
    ...("default" in option ? defaultNote(option.default) : []),
  ];
  const text = typeof option.description === "string" ? option.description : "";
  return notes.length > 0 ? `${text} (${notes.join("; ")})`.trimStart() : text;
}

/** Formats a default as it would be typed; an empty object needs no mention. */
function defaultNote(value: unknown): string[] {
  if (isRecord(value) && Object.keys(value).length === 0) return [];
  return [
    `default: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  ];
}
