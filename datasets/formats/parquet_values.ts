import type { SchemaElement, SchemaTree } from "hyparquet";
import type { Row } from "./manifest_format.ts";

/**
 * A value as JSON would have it, but for bytes, which stay bytes: large integers become numbers where these can hold
 * them, else text; dates ISO 8601; what is missing `null`.
 */
export function plain(value: unknown, bytes: OfBytes = asTheyAre): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value !== "object") return value;
  if (value instanceof Uint8Array) return bytes(value);
  if (value instanceof Date) return isoOf(value);
  if (Array.isArray(value)) return value.map((each) => plain(each, bytes));
  if (ArrayBuffer.isView(value)) {
    const list = value as unknown as ArrayLike<unknown>;
    return Array.from(list, (each) => plain(each));
  }
  return plainRow(value as Row, bytes);
}

/** What becomes of bytes. */
export type OfBytes = (bytes: Uint8Array) => Uint8Array;

const asTheyAre: OfBytes = (bytes) => bytes;

/** A record, each value as {@linkcode plain} has it. */
export function plainRow(row: Row, bytes: OfBytes = asTheyAre): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, plain(value, bytes)]),
  );
}

/** Whether there may be media in a column: anything but numbers and text. */
export function holdsBytes({ element, children }: SchemaTree): boolean {
  return children.length > 0 ? children.some(holdsBytes) : isBytes(element);
}

/** What a value of a column looks like, with nothing in it: `{ bytes: null, path: null }`. */
export function shapeOf({ children }: SchemaTree): unknown {
  if (children.length === 0) return null;
  return Object.fromEntries(
    children.map((child) => [child.element.name, shapeOf(child)]),
  );
}

function isBytes(element: SchemaElement): boolean {
  const { type, converted_type, logical_type } = element;
  return (type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY") &&
    converted_type === undefined && logical_type === undefined;
}

function isoOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? "invalid date" : date.toISOString();
}
