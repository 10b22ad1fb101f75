import { isRecord } from "../lib/record.ts";

/** The part of Standard Schema v1 that the framework reads. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** The Standard Schema properties. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Library of the schema. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (
      value: unknown,
    ) => Result<Output> | Promise<Result<Output>>;
    /** Converts the schema to JSON Schema, for `info` and the command line. */
    readonly jsonSchema?: {
      /** JSON Schema of the input. */
      readonly input: (
        options: {
          /** Version of JSON Schema. */
          readonly target: "draft-2020-12";
          /** Options of the library, which others ignore. */
          readonly libraryOptions?: Record<string, unknown> | undefined;
        },
      ) => Record<string, unknown>;
    };
    /** Types only; absent at run time. */
    readonly types?:
      | { readonly input: Input; readonly output: Output }
      | undefined;
  };
}

/** A validated value, or the issues that stopped it. */
export type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** One reason why a value was refused. */
export interface Issue {
  /** For people. */
  readonly message: string;
  /** Path in the value. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Returns the JSON Schema of a plugin's options; undefined if its Standard Schema provides none or cannot be
 * converted. Parts that JSON Schema cannot express, such as custom types and dates of zod, accept any value in it.
 */
export function jsonSchemaOf(schema: StandardSchemaV1): JsonSchema | undefined {
  try {
    return schema["~standard"].jsonSchema?.input({
      target: "draft-2020-12",
      libraryOptions: { unrepresentable: "any" },
    });
  } catch {
    return undefined;
  }
}

/** Follows the references of a part of a schema. */
export function resolveSchema(part: unknown, root: JsonSchema): JsonSchema {
  let schema = part;
  for (let hops = 0; hops < 20 && isRecord(schema); hops++) {
    const { $ref } = schema;
    if (typeof $ref !== "string" || !$ref.startsWith("#")) return schema;
    schema = $ref.split("/").slice(1).reduce<unknown>(
      (at, key) => isRecord(at) ? at[unescaped(key)] : undefined,
      root,
    );
  }
  return isRecord(schema) ? schema : {};
}

/** The values that a schema lists as an enum, a const, or alternatives of these; undefined if it lists none. */
export function choicesOf(
  part: unknown,
  root: JsonSchema,
): readonly unknown[] | undefined {
  const schema = resolveSchema(part, root);
  if (Array.isArray(schema.enum)) return schema.enum;
  if ("const" in schema) return [schema.const];
  const alternatives = alternativesOf(schema);
  const choices = alternatives.map((each) => choicesOf(each, root));
  if (choices.length === 0 || choices.includes(undefined)) return undefined;
  return choices.flatMap((each) => each ?? []);
}

/** The parts of `anyOf` or `oneOf`. */
export function alternativesOf({ anyOf, oneOf }: JsonSchema): unknown[] {
  return [anyOf, oneOf].flatMap((list) => Array.isArray(list) ? list : []);
}

/** The part of a schema for the value at these keys. */
export function schemaAt(
  keys: readonly string[],
  root: JsonSchema,
): JsonSchema {
  return keys.reduce<JsonSchema>((part, key) => {
    const { properties, items } = resolveSchema(part, root);
    return resolveSchema(isRecord(properties) ? properties[key] : items, root);
  }, root);
}

/** Returns a key of a JSON Pointer in the fragment of a URI. */
function unescaped(key: string): string {
  return decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~");
}
