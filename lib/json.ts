/** JSON object with unknown fields. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Reports whether a parsed value is an object. Unlike `isRecord` of lib it needs no check for bytes, and runs per event. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON; returns `undefined` if the text is not valid JSON. */
export function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the objects in a list, and an empty list for any other value. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Returns a field of an object, and `undefined` for any other value. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** Returns a string, and `undefined` for any other value. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
