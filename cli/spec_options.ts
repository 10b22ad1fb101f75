import { type Problem, UsageError } from "../plugins/mod.ts";
import {
  alternativesOf,
  type JsonSchema,
  jsonSchemaOf,
  resolveSchema,
  suggestion,
} from "../plugins/schema_hints.ts";
import { isRecord } from "../lib/record.ts";
import { redactRule, redactUrl } from "../lib/redact.ts";
import type { StandardSchemaV1 } from "../plugins/mod.ts";
import type { Spec } from "./spec.ts";
import { coerce } from "./spec_values.ts";

/** What a spec is for: a plugin's definition, or a load. */
export interface SpecTarget {
  /** The option that `NAME=VALUE` sets. */
  readonly primary?: string | undefined;
  /** What the options are. */
  readonly options: StandardSchemaV1;
}

/** What could be read of a spec, and what could not. */
export interface ReadSpec {
  /** The options that are of their types, by name. */
  readonly options: Record<string, unknown>;
  /** The others: options that are not known, or whose value is not of its type. */
  readonly problems: readonly Problem[];
}

/**
 * The options that a spec gives, each as the JSON Schema of the target says. Where the schema tells nothing,
 * `true`, `false`, `null`, numbers and JSON are taken as such, unless they are quoted. An option whose name ends
 * in `Ms`, `Seconds` or `Bytes` takes a bare number or one with a unit.
 *
 * Ranges and whatever else the schema asks for are left to it.
 */
export function readSpec(
  spec: Spec,
  { primary, options: standard }: SpecTarget,
): ReadSpec {
  const root = jsonSchemaOf(standard) ?? {};
  const options: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const { key, pieces } of pairsOf(spec, primary, problems)) {
    const place = placeOf(key, root, root);
    const result = "rule" in place
      ? place
      : coerce(pieces, place.schema, { name: place.path.at(-1)!, root });
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

/**
 * {@linkcode readSpec} for those who want all or nothing.
 *
 * @throws {UsageError} If an option is not known, or a value is not of its type: every problem is listed.
 */
export function coerceSpec(
  spec: Spec,
  target: SpecTarget,
): Record<string, unknown> {
  const { options, problems } = readSpec(spec, target);
  if (problems.length === 0) return options;
  throw problemsWith(`"${spec.name}"`, problems);
}

/** One error for all that is wrong with something. */
export function problemsWith(
  what: string,
  problems: readonly Problem[],
): UsageError {
  const lines = problems.map(({ path, message }) =>
    `\n  ${path || "(options)"}: ${message}`
  );
  return new UsageError(`Cannot use ${what}:${lines.join("")}`, { problems });
}

/** All options of a spec, the primary one by its name. */
function pairsOf(
  { primary: pieces, pairs }: Spec,
  primary: string | undefined,
  problems: Problem[],
): Spec["pairs"] {
  if (!pieces) return pairs;
  if (primary !== undefined) return [{ key: primary, pieces }, ...pairs];
  const text = pieces.map(({ text }) => text).join(",");
  const message = "takes no value of its own: give it as key=value";
  problems.push({ path: `=${redactUrl(text)}`, message });
  return pairs;
}

/** Where a dotted key leads, by the schema: `headers.X-Key` into the object `headers`. */
function placeOf(
  key: string,
  part: unknown,
  root: JsonSchema,
): { path: string[]; schema: unknown } | { rule: string } {
  const schema = objectOf(part, root);
  if (!schema) return { rule: "is no object: it takes a value, and no keys" };
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
    return { rule: `is no option; ${suggestion(head, names)}` };
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

/** The part of a schema that describes an object, where it can be one. */
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

/** Sets what stands at a path; false if something does already. */
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
  // As a definition, so that a key such as __proto__ is a key and nothing else.
  Object.defineProperty(target, key, {
    value: rest.length > 0 ? below : value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
  return rest.length === 0 || put(below, rest, value);
}
