import { messageOf } from "../plugins/mod.ts";
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
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`each ${what} must be JSON in UTF-8: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
