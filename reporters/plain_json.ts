import { visibleJson } from "./safe_text.ts";

/**
 * JSON without numbers that JSON does not know: as the value of a key they are left out, and in a
 * list they become words, so that the others keep their places. Characters that steer a terminal are escaped.
 */
export function plainJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, undefined, indent);
  // Looking at each value takes many times as long, and is seldom needed.
  return visibleJson(
    text.includes("null")
      ? JSON.stringify(value, withoutUnknown, indent)
      : text,
  );
}

function withoutUnknown(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  return Array.isArray(this) ? String(value) : undefined;
}
