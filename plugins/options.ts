import { isRecord } from "../lib/record.ts";
import type { Problem } from "../core/errors.ts";
import {
  alternativesOf,
  choicesOf,
  type JsonSchema,
  jsonSchemaOf,
  resolveSchema,
  suggestion,
} from "./problems.ts";
import { convert } from "./option_values.ts";
import { redactRule, redactUrl } from "../lib/redact.ts";
import type { Spec } from "./spec.ts";
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
