import type { Part } from "./bytes.ts";

/**
 * A value as JSON, piece by piece. Bytes in it stand for a text that needs no escapes, as base64 is: they are put in as
 * they are, so that media is not copied once more for each request.
 */
export function jsonParts(value: unknown): readonly Part[] {
  if (value instanceof Uint8Array) return ['"', value, '"'];
  if (!holdsBytes(value)) return [JSON.stringify(value) ?? "null"];
  if (Array.isArray(value)) return ["[", ...jsonItems(value), "]"];
  const fields = Object.entries(value as object)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [`${JSON.stringify(name)}:`, ...jsonParts(field)]);
  return ["{", ...withCommas(fields), "}"];
}

/** Values as JSON, with commas between them. */
export function jsonItems(values: readonly unknown[]): readonly Part[] {
  return withCommas(values.map(jsonParts));
}

/** Items one behind the other, with commas between them. */
export function withCommas(
  items: readonly (readonly Part[])[],
): readonly Part[] {
  return items.flatMap((item, i) => i > 0 ? [",", ...item] : item);
}

function holdsBytes(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return value instanceof Uint8Array || Object.values(value).some(holdsBytes);
}
