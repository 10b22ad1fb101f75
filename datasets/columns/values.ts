import type { Row } from "../formats/manifest.ts";
import { asJson, described } from "./media.ts";
import { isRecord } from "../../lib/record.ts";

/** The text in a column; nothing, where there is none. */
export function textIn(
  row: Row,
  name: string | undefined,
): string | undefined {
  const value = valueIn(row, name);
  if (typeof value === "string" || value === undefined) return value;
  if (typeof value === "number") return String(value);
  throw refusal(name, "be text", value);
}

/** The texts in a column: a list, or one alone. */
export function textsIn(
  row: Row,
  name: string | undefined,
): readonly string[] | undefined {
  const value = asJson(valueIn(row, name));
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((each) => typeof each === "string")) {
    return list;
  }
  throw refusal(name, "be a list of texts", value);
}

/**
 * The tools in a column, as the chat API has them. A function that stands alone, as it did in older requests, is
 * wrapped.
 */
export function toolsIn(
  row: Row,
  name: string | undefined,
): readonly unknown[] | undefined {
  const value = asJson(valueIn(row, name));
  if (value === undefined || value === "") return undefined;
  if (!Array.isArray(value)) throw refusal(name, "be a list of tools", value);
  const tools = value.map(asJson).map((tool) => {
    if (!isRecord(tool)) throw refusal(name, "be a list of objects", value);
    const isBare = tool["type"] === undefined && tool["name"] !== undefined;
    return isBare ? { type: "function", function: tool } : tool;
  });
  return tools.length > 0 ? tools : undefined;
}

/** What calls are answered with: text, or what is written as JSON. */
export function resultIn(
  row: Row,
  name: string | undefined,
): string | undefined {
  const value = valueIn(row, name);
  if (value === undefined || typeof value === "string") return value;
  return JSON.stringify(value);
}

/** A number of tokens; nothing, where there is none. */
export function countIn(
  row: Row,
  name: string | undefined,
): number | undefined {
  const value = valueIn(row, name);
  if (value === undefined || value === "") return undefined;
  const count = typeof value === "string" ? Number(value) : value;
  if (Number.isSafeInteger(count) && Number(count) > 0) return Number(count);
  throw refusal(name, "be a whole number above 0", value);
}

/** What is wrong with a record that lacks what it must have. */
export function missing(name: string, row: Row): Error {
  const is = row[name] === undefined ? "missing" : JSON.stringify(row[name]);
  return new Error(
    `Cannot use the record as it must have ${
      JSON.stringify(name)
    }: current value is ${is}`,
  );
}

function valueIn(row: Row, name: string | undefined): unknown {
  return name === undefined ? undefined : row[name] ?? undefined;
}

function refusal(
  name: string | undefined,
  rule: string,
  value: unknown,
): TypeError {
  const is = Array.isArray(value) ? "an array" : described(value);
  return new TypeError(
    `Cannot use ${
      JSON.stringify(name)
    } as it must ${rule}: current value is ${is}`,
  );
}
