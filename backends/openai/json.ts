import { Buffer } from "node:buffer";
import { objectsIn, textOf } from "../../lib/json.ts";

/** Returns the number of bytes that a base64 text encodes, padded or not. */
export function base64Size(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor((base64.length - padding) * 3 / 4);
}

/** Part of a request body. */
export type BodyPart = Uint8Array | string;

/** Encodes a text as UTF-8. Short texts share one allocation, which would otherwise cost more than the encoding. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(text);
}

/** Returns a request with a body in JSON. */
export function jsonRequest(
  body: Uint8Array,
): { readonly contentType: string; readonly body: Uint8Array } {
  return { contentType: "application/json", body };
}

/** Joins the parts of a body. */
export function joinBytes(
  parts: readonly BodyPart[],
): Uint8Array<ArrayBuffer> {
  if (parts.every((part) => typeof part === "string")) {
    return bytesOf(parts.join(""));
  }
  return Buffer.concat(
    parts.map((part) => typeof part === "string" ? bytesOf(part) : part),
  );
}

/**
 * Encodes a value as parts of JSON. Bytes in it are the characters of a string that needs no escapes, such as base64:
 * they are passed on, so that media is not copied again for each request.
 */
export function jsonParts(value: unknown): readonly BodyPart[] {
  if (value instanceof Uint8Array) return ['"', value, '"'];
  if (!holdsBytes(value)) return [JSON.stringify(value) ?? "null"];
  if (Array.isArray(value)) return ["[", ...jsonItems(value), "]"];
  const fields = Object.entries(value as object)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [`${JSON.stringify(name)}:`, ...jsonParts(field)]);
  return ["{", ...joinWithCommas(fields), "}"];
}

/** Encodes values as the items of a JSON list, without its brackets. */
export function jsonItems(values: readonly unknown[]): readonly BodyPart[] {
  return joinWithCommas(values.map(jsonParts));
}

/** Joins encoded items with commas. Empty items are left out. */
export function joinWithCommas(
  items: readonly (readonly BodyPart[])[],
): readonly BodyPart[] {
  const joined: BodyPart[] = [];
  for (const item of items) {
    if (!item[0]?.length) continue;
    if (joined.length > 0) joined.push(",");
    joined.push(...item);
  }
  return joined;
}

function holdsBytes(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return value instanceof Uint8Array || Object.values(value).some(holdsBytes);
}

/** Returns the fields that are neither null nor undefined. */
export function withoutEmpty<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const present: Partial<Fields> = {};
  for (const name of Object.keys(fields) as (keyof Fields)[]) {
    const value = fields[name];
    if (value !== null && value !== undefined) present[name] = value;
  }
  return present as { [Name in keyof Fields]?: NonNullable<Fields[Name]> };
}

/** Returns the text of a content: a string, or a list of parts that may have texts. */
export function joinText(content: unknown): string {
  return textOf(content) ??
    objectsIn(content).map(({ text }) => textOf(text) ?? "").join("");
}
