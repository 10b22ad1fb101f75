import { isRecord } from "../../lib/record.ts";
import type { Row } from "../formats/manifest.ts";

/** Returns the text of a column; undefined if the record has no value in it. */
export function textIn(row: Row, name?: string): string | undefined {
  const value = valueIn(row, name);
  if (typeof value === "string" || value === undefined) return value;
  if (typeof value === "number") return String(value);
  throw columnRefusal(name, "must be text", value);
}

/** Returns the texts of a column: a list, or a single text. */
export function textsIn(
  row: Row,
  name?: string,
): readonly string[] | undefined {
  const value = asJson(valueIn(row, name));
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((each) => typeof each === "string")) {
    return list;
  }
  throw columnRefusal(name, "must be a list of texts", value);
}

/** Returns the tools of a column, as the chat API expects them. A bare function, as in older requests, is wrapped. */
export function toolsIn(
  row: Row,
  name?: string,
): readonly unknown[] | undefined {
  const value = asJson(valueIn(row, name));
  if (value === undefined || value === "") return undefined;
  if (!Array.isArray(value)) {
    throw columnRefusal(name, "must be a list of tools", value);
  }
  const tools = value.map(asJson).map((tool) => {
    if (!isRecord(tool)) {
      throw columnRefusal(name, "must be a list of objects", value);
    }
    const isBare = tool["type"] === undefined && tool["name"] !== undefined;
    return isBare ? { type: "function", function: tool } : tool;
  });
  return tools.length > 0 ? tools : undefined;
}

/** Returns the result of tool calls: text as it is, anything else as JSON. */
export function resultIn(row: Row, name?: string): string | undefined {
  const value = valueIn(row, name);
  if (value === undefined || typeof value === "string") return value;
  return JSON.stringify(value);
}

/** Returns the number of tokens in a column; undefined if the record has no value in it. */
export function countIn(row: Row, name?: string): number | undefined {
  const value = valueIn(row, name);
  if (value === undefined || value === "") return undefined;
  const count = typeof value === "string" ? Number(value) : value;
  if (Number.isSafeInteger(count) && Number(count) > 0) return Number(count);
  throw columnRefusal(name, "must be a whole number above 0", value);
}

/** Creates the error for a record without a value in a column that needs one. */
export function missing(name: string, row: Row): Error {
  return columnRefusal(name, "must have a value", row[name]);
}

function valueIn(row: Row, name?: string): unknown {
  return name === undefined ? undefined : row[name] ?? undefined;
}

/** Creates the error for a value that breaks a rule. */
export function refusal(
  rule: string,
  value: unknown,
  options?: ErrorOptions,
): TypeError {
  return new TypeError(`${rule}, but was ${described(value)}`, options);
}

function columnRefusal(
  name: string | undefined,
  rule: string,
  value: unknown,
): TypeError {
  return refusal(`${JSON.stringify(name)}: ${rule}`, value);
}

/** Formats a value for an error, shortened so that it contains no media. */
export function described(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === "") return "empty";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80
    ? `${text.slice(0, 60)}… (${text.length} characters)`
    : text;
}

/** Parses a list or an object that is written as JSON in a text cell. Returns any other value as it is. */
export function asJson(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
