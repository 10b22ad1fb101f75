import { RequestError } from "../../plugins/mod.ts";

/** An object of JSON, of which nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A server that does not keep to the protocol; `rule` says what it must do, and does. */
export function protocolError(rule: string): RequestError {
  return new RequestError(
    "protocol_error",
    `Cannot understand the server as ${rule}`,
  );
}

/** What a text of JSON holds; `undefined` where it is none. */
export function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object, and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects of a list; none of anything else. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** A field of an object, whatever the value is. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** A text; `undefined` for anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
