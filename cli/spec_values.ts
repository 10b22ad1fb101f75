import {
  alternativesOf,
  choicesOf,
  type JsonSchema,
  resolveSchema,
} from "../plugins/schema_hints.ts";
import { nearest } from "../lib/nearest.ts";
import type { Piece } from "./spec.ts";
import { bytesOf, durationOf } from "./units.ts";

/** A value, or the rule that it breaks. */
export type Coerced = { readonly value: unknown } | {
  readonly rule: string;
  /** What the value must be, in few words: "a number". */
  readonly wanted?: string;
};

/** What a value is for. */
export interface Context {
  /** The option's own name: its end tells the unit. */
  readonly name: string;
  /** Where references lead. */
  readonly root: JsonSchema;
}

/** Takes pieces as a part of a schema says. */
export function coerce(
  pieces: readonly Piece[],
  part: unknown,
  context: Context,
): Coerced {
  const schema = resolveSchema(part, context.root);
  const types = Array.isArray(schema.type)
    ? schema.type.map((type) => ({ ...schema, type }))
    : alternativesOf(schema);
  const choices = choicesOf(schema, context.root);
  if (choices) return one(pieces, (piece) => choose(piece, choices));
  if (types.length > 0) return firstOf(pieces, types, context);
  switch (schema.type) {
    case "array":
      return list(pieces, schema.items, context);
    case "object":
      return one(pieces, toObject);
    case "number":
    case "integer":
      return one(pieces, (piece) => toNumber(piece, schema.type, context));
    case "boolean":
      return one(pieces, toBoolean);
    case "null":
      return one(pieces, toNull);
    case "string":
      return one(pieces, ({ text }) => ({ value: text }));
    default:
      return pieces.length === 1
        ? { value: guess(pieces[0]!) }
        : { value: pieces.map(guess) };
  }
}

/** The first alternative that takes the pieces: those that are easily text come last, unless it is quoted. */
function firstOf(
  pieces: readonly Piece[],
  alternatives: readonly unknown[],
  context: Context,
): Coerced {
  const isText = (part: unknown) =>
    resolveSchema(part, context.root).type === "string";
  const sign = pieces.some(({ quoted }) => quoted) ? -1 : 1;
  const inOrder = alternatives.toSorted((a, b) =>
    sign * (Number(isText(a)) - Number(isText(b)))
  );
  const rules = new Set<string>();
  const wanted = new Set<string | undefined>();
  for (const alternative of inOrder) {
    const result = coerce(pieces, alternative, context);
    if ("value" in result) return result;
    rules.add(result.rule);
    wanted.add(result.wanted);
  }
  if (rules.size === 1 || wanted.has(undefined)) {
    return { rule: [...rules].join("; or ") };
  }
  // Beside a word for it, as "off", false need not be known.
  if (wanted.size > 2) wanted.delete("false");
  const text = pieces.map(({ text }) => text).join(",");
  return {
    rule: `must be ${[...wanted].join(", or ")}, but was ${shown(text)}`,
  };
}

function one(
  pieces: readonly Piece[],
  convert: (piece: Piece) => Coerced,
): Coerced {
  if (pieces.length === 1) return convert(pieces[0]!);
  const whole = pieces.map(({ text }) => text).join(",");
  return {
    rule:
      `takes one value, and one with a comma must be quoted: current value is ${whole}`,
  };
}

function list(
  pieces: readonly Piece[],
  items: unknown,
  context: Context,
): Coerced {
  const [first] = pieces;
  if (pieces.length === 1 && first) {
    if (first.text === "" && !first.quoted) return { value: [] };
    const json = fromJson(first.text, "[");
    if (json !== undefined && !isScalar(items, context)) return { value: json };
  }
  const values: unknown[] = [];
  for (const piece of pieces) {
    const result = coerce([piece], items ?? {}, context);
    if ("rule" in result) return result;
    values.push(result.value);
  }
  return { value: values };
}

function isScalar(part: unknown, { root }: Context): boolean {
  const { type } = resolveSchema(part, root);
  return typeof type === "string" && !["object", "array"].includes(type);
}

function choose({ text }: Piece, choices: readonly unknown[]): Coerced {
  const names = choices.map(String);
  const at = names.indexOf(text);
  if (at >= 0) return { value: choices[at] };
  const near = nearest(text, names);
  const meant = near === undefined ? "" : ` (did you mean ${near}?)`;
  return {
    rule: `must be one of ${names.join(", ")}${meant}: current value is ${
      shown(text)
    }`,
    wanted: names.join(", or "),
  };
}

function toNumber({ text }: Piece, type: unknown, { name }: Context): Coerced {
  const { read, hint, example } = unitOf(name);
  const value = /^[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)
    ? Number(text)
    : read(text);
  const isWhole = type === "integer";
  if (value === undefined || (isWhole && !Number.isInteger(value))) {
    const noun = isWhole ? "a whole number" : "a number";
    return {
      rule: `must be ${noun}${hint}: current value is ${shown(text)}`,
      wanted: example ?? noun,
    };
  }
  return { value };
}

/** How a number with a unit is read, by the end of the option's name. */
function unitOf(
  name: string,
): {
  read(text: string): number | undefined;
  hint: string;
  example?: string;
} {
  if (/(^ms|Ms)$/.test(name)) {
    return {
      read: durationOf,
      hint: " of milliseconds, or one with ms, s, m or h",
      example: "a duration such as 90s",
    };
  }
  if (/(^seconds|Seconds)$/.test(name)) {
    const read = (text: string) => {
      const ms = durationOf(text);
      return ms === undefined ? undefined : ms / 1000;
    };
    return {
      read,
      hint: " of seconds, or one with ms, s, m or h",
      example: "a duration such as 90s",
    };
  }
  if (/(^bytes|Bytes)$/.test(name)) {
    return {
      read: bytesOf,
      hint: " of bytes, or one with kB, MB, KiB or MiB",
      example: "a size such as 16MiB",
    };
  }
  return { read: () => undefined, hint: "" };
}

function toBoolean({ text }: Piece): Coerced {
  return text === "true" || text === "false" ? { value: text === "true" } : {
    rule: `must be true or false: current value is ${shown(text)}`,
    wanted: "true, or false",
  };
}

function toNull({ text }: Piece): Coerced {
  return text === "null" ? { value: null } : {
    rule: `must be null: current value is ${shown(text)}`,
    wanted: "null",
  };
}

/** What stands in an object's place is not shown: in that of `headers` it may be a key. */
function toObject({ text }: Piece): Coerced {
  const value = fromJson(text, "{");
  if (value !== undefined) return { value };
  return {
    rule:
      `must be given key by key, as option.key=value, or as JSON in single quotes: current value is ${
        text === "" ? "empty" : `a text of ${text.length} characters`
      }`,
  };
}

function guess(piece: Piece): unknown {
  const { text, quoted } = piece;
  const json = fromJson(text, "{") ?? fromJson(text, "[");
  if (json !== undefined) return json;
  if (quoted || !/^(true|false|null|-?\d+(\.\d+)?(e[+-]?\d+)?)$/i.test(text)) {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function fromJson(text: string, opening: "{" | "["): unknown {
  if (!text.trimStart().startsWith(opening)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shown(text: string): string {
  return text === "" ? "empty" : text;
}
