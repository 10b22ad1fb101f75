import { isRecord } from "../../lib/record.ts";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the media of a record is. */
export type MediaPlace =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> };

/** What is particular to a kind of media. */
export interface MediaRules {
  /** What it is called in errors: `audio`. */
  readonly what: string;
  /** Keys of an object that hold it, the one that counts first. */
  readonly keys: readonly string[];
  /** What its files begin with, in base64. */
  readonly base64Magic: RegExp;
  /** Reads a value that is this kind's alone. */
  own?(
    key: string,
    value: Record<string, unknown>,
  ): Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Finds out what the value of a column with media is: a path, an `http:` or `data:` URL, base64, or an object
 * that holds one of these, as rows of Hugging Face datasets do.
 *
 * @param folder What paths are relative to: a folder, or the URL of one.
 * @throws {TypeError} If it is none of these.
 */
export function mediaPlace(
  value: unknown,
  folder: string,
  rules: MediaRules,
): MediaPlace {
  if (typeof value === "string" && value !== "") {
    return ofString(value, folder, rules);
  }
  if (value instanceof Uint8Array) return bytesPlace(value.slice());
  if (Array.isArray(value) && value.length === 1) {
    return mediaPlace(value[0], folder, rules);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return ofObject(value as Record<string, unknown>, folder, rules);
  }
  throw refusal(
    rules,
    "it must be a path, a URL, a data URI, base64 or an object with one of them",
    value,
  );
}

/** Whether a text is base64 of this kind of media and no path: what is longer than any path may begin with anything. */
export function isBase64Media(value: string, { base64Magic }: MediaRules) {
  const mayBe = value.length >= MIN_BASE64 && base64Magic.test(value) ||
    value.length > MAX_PATH;
  return mayBe && /^[\w+/\s-]+(?:={1,2}\s*)?$/.test(value);
}

/** No file of media is as short as this. */
const MIN_BASE64 = 64;
const MAX_PATH = 4096;

function ofString(
  value: string,
  folder: string,
  rules: MediaRules,
): MediaPlace {
  if (/^data:/i.test(value)) return bytesPlace(dataUri(value, rules));
  if (/^https?:/i.test(value)) return { kind: "url", url: urlOf(value, rules) };
  if (isBase64Media(value, rules)) return bytesPlace(base64(value, rules));
  if (isWeb(folder)) return { kind: "url", url: below(folder, value, rules) };
  const path = /^file:\/\//i.test(value) ? fileURLToPath(value) : value;
  return { kind: "file", path: resolve(folder, path) };
}

/** Whether paths are relative to a URL, so that none may lead to a file here. */
export function isWeb(folder: string): boolean {
  return /^https?:\/\//i.test(folder);
}

function below(folder: string, path: string, rules: MediaRules): URL {
  const parts = path.split(/[\\/]/);
  if (/^[a-z]+:/i.test(path) || parts[0] === "" || parts.includes("..")) {
    throw refusal(rules, `its path must lead below ${folder}`, path);
  }
  return new URL(
    parts.map(encodeURIComponent).join("/"),
    folder.replace(/(?<!\/)\/*$/, "/"),
  );
}

function ofObject(
  value: Record<string, unknown>,
  folder: string,
  rules: MediaRules,
): MediaPlace {
  const key = rules.keys.find((key) => (value[key] ?? null) !== null);
  const inner = key && value[key];
  const own = key && rules.own?.(key, value);
  if (own) return bytesPlace(own);
  if (key === "bytes" || key === "data") {
    if (typeof inner !== "string") return bytesPlace(bytesOf(inner, rules));
    const read = /^data:/i.test(inner) ? dataUri : base64;
    return bytesPlace(read(inner, rules));
  }
  if (typeof inner === "string" || isRecord(inner)) {
    return mediaPlace(inner, folder, rules);
  }
  throw new TypeError(
    `Cannot use the ${rules.what} as an object must hold one of ${
      rules.keys.join(", ")
    }: current value has ${Object.keys(value).join(", ") || "nothing"}`,
  );
}

function bytesPlace(bytes: Uint8Array<ArrayBuffer>): MediaPlace {
  return { kind: "bytes", bytes };
}

function base64(text: string, rules: MediaRules): Uint8Array<ArrayBuffer> {
  try {
    const alphabet = /[-_]/.test(text) ? "base64url" : "base64";
    return Uint8Array.fromBase64(text, { alphabet });
  } catch (cause) {
    throw refusal(rules, "it must be base64", text, cause);
  }
}

function dataUri(uri: string, rules: MediaRules): Uint8Array<ArrayBuffer> {
  const comma = uri.indexOf(",");
  if (comma < 0) {
    throw refusal(rules, "a data URI must have a comma before its data", uri);
  }
  const data = uri.slice(comma + 1);
  if (/;base64$/i.test(uri.slice(0, comma))) {
    return base64(data.includes("%") ? decodeURIComponent(data) : data, rules);
  }
  return percentDecoded(data);
}

function percentDecoded(data: string): Uint8Array<ArrayBuffer> {
  const text = data.replace(
    /%([0-9a-f]{2})/gi,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function urlOf(value: string, rules: MediaRules): URL {
  const url = URL.parse(value);
  if (url) return url;
  throw refusal(rules, "its URL must be well formed", value);
}

/** Bytes as JSON has them: an array of numbers, or what `JSON.stringify` makes of a Node buffer. */
function bytesOf(value: unknown, rules: MediaRules): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return value.slice();
  const list = Array.isArray(value)
    ? value
    : (value as { data?: unknown } | null)?.data;
  const isByte = (each: unknown) =>
    Number.isInteger(each) && Number(each) >= 0 && Number(each) < 256;
  if (Array.isArray(list) && list.every(isByte)) return Uint8Array.from(list);
  throw refusal(
    rules,
    "its bytes must be base64 or numbers from 0 to 255",
    value,
  );
}

function refusal(
  { what }: MediaRules,
  rule: string,
  value: unknown,
  cause?: unknown,
): TypeError {
  return new TypeError(
    `Cannot use the ${what} as ${rule}: current value is ${described(value)}`,
    cause === undefined ? {} : { cause },
  );
}

/** A value for an error, with nothing of its media. */
export function described(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === "") return "empty";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80
    ? `${text.slice(0, 60)}… (${text.length} characters)`
    : text;
}

/** A value as it is meant where a cell can hold nothing but text: a list or an object that is written as JSON. */
export function asJson(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
