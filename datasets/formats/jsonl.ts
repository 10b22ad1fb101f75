import { messageOf } from "../../plugins/mod.ts";
import { lineEntries } from "./lines.ts";
import type { ManifestFormat, Row } from "./manifest_format.ts";

/** JSON Lines: an object a line; empty lines are passed over. */
export function jsonlFormat(): ManifestFormat {
  return { entries: (bytes) => lineEntries(bytes, row), row };
}

function row(bytes: Uint8Array): Row {
  return jsonRow(bytes, "line");
}

/**
 * Reads a record by itself.
 *
 * @param what What a record is called in errors: `line`.
 * @throws {Error} If it is no JSON object.
 */
export function jsonRow(bytes: Uint8Array, what: string): Row {
  const value = parse(bytes, what);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Row;
  }
  throw new Error(
    `each ${what} must be a JSON object: current value is ${kindOf(value)}`,
  );
}

function parse(bytes: Uint8Array, what: string): unknown {
  try {
    return parseJson(bytes);
  } catch (cause) {
    throw new Error(`each ${what} must be JSON in UTF-8: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/**
 * JSON in UTF-8. `NaN` and the infinities, which Python writes and JSON does not have, become `null`.
 *
 * @throws {Error} If it is none.
 */
export function parseJson(bytes: Uint8Array): unknown {
  // The parser quotes what it stumbles over: no line end belongs into that.
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = text.replace(NO_JSON, (token) => NAMED[token] ?? token);
    if (mended === text) throw error;
    return JSON.parse(mended);
  }
}

/** Strings, as they are, and what Python writes for numbers that are none. */
const NO_JSON = /"(?:[^"\\]|\\[^])*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;

const NAMED: Readonly<Record<string, string>> = {
  "NaN": "null",
  "Infinity": "null",
  "-Infinity": "null",
};

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
