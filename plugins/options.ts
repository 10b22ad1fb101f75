import type { Problem } from "../core/errors.ts";
import { isRecord } from "../lib/record.ts";
import { redactRule, redactUrl } from "../lib/redact.ts";
import { convert, resolveEnv, withoutUnit } from "./option_values.ts";
import { explain, suggestion } from "./problems.ts";
import {
  alternativesOf,
  choicesOf,
  type JsonSchema,
  jsonSchemaOf,
  resolveSchema,
  type StandardSchemaV1,
} from "./schema.ts";
import type { Spec, SpecOption } from "./spec.ts";

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
 * `Seconds` or `Bytes` takes a bare number or one with a unit; its name may be given without that end, if the value has
 * a unit: `spread=5s` sets `spreadMs`.
 *
 * Only types are checked here; ranges and other rules are checked by the schema itself.
 */
export function parseOptions(
  { primary: values, options: named }: Spec,
  { primary, options: standard }: OptionsDefinition,
): ParsedOptions {
  const root = jsonSchemaOf(standard) ?? {};
  const options: Record<string, unknown> = {};
  const problems: Problem[] = [];
  if (values && primary === undefined) {
    const text = values.map(({ text }) => text).join(",");
    const message = "has no option name: give it as key=value";
    problems.push({ path: `=${redactUrl(text)}`, message });
  }
  const given = values && primary !== undefined
    ? [{ key: primary, values }, ...named]
    : named;
  for (const { key, values } of given) {
    const rule = setOption(options, { key, values }, root, root);
    if (rule === undefined) continue;
    problems.push({ path: key, message: redactRule(rule, key.split(".")) });
  }
  return { options, problems };
}

/**
 * Sets the option of a dotted key: `headers.X-Key` is the key `X-Key` of the object `headers`. Returns the rule that
 * the option breaks, if any.
 *
 * @param part Schema of the object that holds the option.
 */
function setOption(
  target: Record<string, unknown>,
  { key: given, values }: SpecOption,
  part: unknown,
  root: JsonSchema,
): string | undefined {
  const schema = objectOf(part, root);
  if (!schema) return "takes a value, and has no keys";
  const { additionalProperties: others } = schema;
  const known = isRecord(schema.properties) ? schema.properties : undefined;
  const isKnown = (name: string) => Object.hasOwn(known ?? {}, name);
  const isClosed = others === false || (others === undefined && known);
  const names = Object.keys(known ?? {});
  const key = isClosed && !isKnown(given) ? fullName(given, names) : given;
  const [head, rest] = isKnown(key) ? [key] : split(key);
  if (!isKnown(head) && isClosed) {
    return `unknown option; ${suggestion(head, names)}`;
  }
  const inner = isKnown(head) ? known![head] : others;
  const isNested = rest !== undefined &&
    (isKnown(head) || objectOf(others, root) !== undefined);
  const name = isNested ? head : key;
  const before = Object.hasOwn(target, name) ? target[name] : undefined;
  if (isNested && (before === undefined || isRecord(before))) {
    const below = before ?? {};
    const rule = setOption(below, { key: rest, values }, inner, root);
    if (rule === undefined) define(target, name, below);
    return rule;
  }
  if (before !== undefined) return "must be given once";
  const needsUnit = name !== given;
  const result = convert(values, inner, { name, root, needsUnit });
  if ("rule" in result) return result.rule;
  define(target, name, result.value);
}

/** Returns the only option whose name without its unit is this one; the name itself if there is not exactly one. */
function fullName(name: string, names: readonly string[]): string {
  const [found, another] = names.filter((each) => withoutUnit(each) === name);
  return found !== undefined && another === undefined ? found : name;
}

/** Defines a key, as assignment would not make an ordinary key of one such as __proto__. */
function define(
  target: Record<string, unknown>,
  key: string,
  value: unknown,
): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
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

/**
 * Replaces the references to environment variables in options, and validates them.
 *
 * @param options Options as they are written.
 */
export async function validateOptions<Output>(
  schema: StandardSchemaV1<unknown, Output>,
  options: unknown,
  env: (name: string) => string | undefined,
): Promise<
  { readonly value: Output } | { readonly problems: readonly Problem[] }
> {
  const { resolved, problems } = resolveEnv(options, env);
  if (problems.length > 0) return { problems };
  const result = await schema["~standard"].validate(resolved);
  if (!result.issues) return result;
  return { problems: explain(result.issues, options, jsonSchemaOf(schema)) };
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
    const note = noteOf(option, required.includes(key));
    return [key, typeOf(option, schema), note] as const;
  });
  if (rows.length === 0) return ["  no options"];
  const widthOf = (column: 0 | 1) =>
    Math.min(28, Math.max(...rows.map((row) => row[column].length)));
  const [keyWidth, typeWidth] = [widthOf(0), widthOf(1)];
  return [
    ...rows.map(([key, type, note]) =>
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
  const { default: value, description } = option;
  // An empty object needs no mention.
  const isEmpty = isRecord(value) && Object.keys(value).length === 0;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  const notes = [
    ...(required ? ["required"] : []),
    ...("default" in option && !isEmpty ? [`default: ${shown}`] : []),
  ];
  const text = typeof description === "string" ? description : "";
  return notes.length > 0 ? `${text} (${notes.join("; ")})`.trimStart() : text;
}
