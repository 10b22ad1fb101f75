import { relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { isRecord } from "../../lib/record.ts";
import { described, refusal } from "./values.ts";
import { encodeWav, toPcm16 } from "../../audio/mod.ts";
import { isAudioName } from "../find_audio.ts";
import { createHash } from "node:crypto";
import { messageOf } from "../../plugins/mod.ts";
import { readBody } from "../../lib/bytes.ts";

/** Where the media of a record is. */
export type MediaPlace =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "bytes"; readonly bytes: Bytes };

type Bytes = Uint8Array<ArrayBuffer>;

/** Folder and limits for reading the media of records. */
export interface MediaContext {
  /** The folder, or its URL, that paths are relative to. */
  readonly folder: string;
  /** Longest time of a download, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts downloads. */
  readonly signal: AbortSignal;
}

/** How values of one kind of media are read. */
export interface MediaRules {
  /** The name of the kind in errors: `audio`. */
  readonly kind: string;
  /** Keys of an object that may contain the media, by priority. */
  readonly keys: readonly string[];
  /** The beginning of its files in base64. */
  readonly base64Magic: RegExp;
}

/**
 * Finds the media in a value: a path, an `http:` or `data:` URL, base64, or an object that contains one of these, as
 * rows of Hugging Face datasets do.
 *
 * @param folder The folder, or its URL, that paths are relative to.
 * @throws {TypeError} If the value is something else.
 */
export function mediaPlace(
  value: unknown,
  folder: string,
  rules: MediaRules,
): MediaPlace {
  if (typeof value === "string" && value !== "") {
    return textPlace(value, folder, rules);
  }
  if (value instanceof Uint8Array) return bytesPlace(value.slice());
  if (Array.isArray(value) && value.length === 1) {
    return mediaPlace(value[0], folder, rules);
  }
  if (isRecord(value)) return objectPlace(value, folder, rules);
  const rule =
    "must be a path, a URL, a data URI, base64 or an object with one of them";
  throw mediaRefusal(rules, rule, value);
}

/** No media file is shorter than this in base64. */
const MIN_BASE64 = 64;

/** No path is longer than this. */
const MAX_PATH = 4096;

/** Whether a text is base64 of this kind of media rather than a path. */
export function isBase64Media(
  value: string,
  { base64Magic }: MediaRules,
): boolean {
  const isLikely = value.length >= MIN_BASE64 && base64Magic.test(value) ||
    value.length > MAX_PATH;
  return isLikely && /^[\w+/\s-]+(?:={1,2}\s*)?$/.test(value);
}

function textPlace(
  value: string,
  folder: string,
  rules: MediaRules,
): MediaPlace {
  if (/^data:/i.test(value)) return bytesPlace(dataUri(value, rules));
  if (/^https?:/i.test(value)) {
    const url = URL.parse(value);
    if (url) return { kind: "url", url };
    throw mediaRefusal(rules, "its URL must be well formed", value);
  }
  if (isBase64Media(value, rules)) return bytesPlace(base64(value, rules));
  if (isWeb(folder)) {
    return { kind: "url", url: urlBelow(folder, value, rules) };
  }
  const path = /^file:\/\//i.test(value) ? fileURLToPath(value) : value;
  return { kind: "file", path: resolve(folder, path) };
}

/** Whether paths are relative to a URL. They must never lead to a local file then. */
export function isWeb(folder: string): boolean {
  return /^https?:\/\//i.test(folder);
}

function urlBelow(folder: string, path: string, rules: MediaRules): URL {
  const parts = path.split(/[\\/]/);
  if (/^[a-z]+:/i.test(path) || parts[0] === "" || parts.includes("..")) {
    throw mediaRefusal(rules, `its path must lead below ${folder}`, path);
  }
  return new URL(
    parts.map(encodeURIComponent).join("/"),
    folder.replace(/(?<!\/)\/*$/, "/"),
  );
}

function objectPlace(
  value: Record<string, unknown>,
  folder: string,
  rules: MediaRules,
): MediaPlace {
  const key = rules.keys.find((key) => (value[key] ?? null) !== null);
  const inner = key && value[key];
  if (key === "array") {
    const { sampling_rate, sample_rate } = value;
    return bytesPlace(wavOf(inner, sampling_rate ?? sample_rate));
  }
  if (key === "bytes" || key === "data") {
    if (typeof inner !== "string") return bytesPlace(bytesOf(inner, rules));
    const read = /^data:/i.test(inner) ? dataUri : base64;
    return bytesPlace(read(inner, rules));
  }
  if (typeof inner === "string" || isRecord(inner)) {
    return mediaPlace(inner, folder, rules);
  }
  throw new TypeError(
    `${rules.kind}: an object must have one of ${
      rules.keys.join(", ")
    }, but had ${Object.keys(value).join(", ") || "nothing"}`,
  );
}

function bytesPlace(bytes: Bytes): MediaPlace {
  return { kind: "bytes", bytes };
}

function base64(text: string, rules: MediaRules): Bytes {
  try {
    const alphabet = /[-_]/.test(text) ? "base64url" : "base64";
    return Uint8Array.fromBase64(text, { alphabet });
  } catch (cause) {
    throw mediaRefusal(rules, "must be base64", text, { cause });
  }
}

function dataUri(uri: string, rules: MediaRules): Bytes {
  const comma = uri.indexOf(",");
  if (comma < 0) {
    throw mediaRefusal(
      rules,
      "a data URI must have a comma before its data",
      uri,
    );
  }
  const data = uri.slice(comma + 1);
  if (/;base64$/i.test(uri.slice(0, comma))) {
    return base64(data.includes("%") ? decodeURIComponent(data) : data, rules);
  }
  const text = data.replace(
    /%([0-9a-f]{2})/gi,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Returns bytes as they are written in JSON: an array of numbers, or a serialized Node buffer. */
function bytesOf(value: unknown, rules: MediaRules): Bytes {
  if (value instanceof Uint8Array) return value.slice();
  const list = isRecord(value) ? value["data"] : value;
  const isByte = (each: unknown) =>
    Number.isInteger(each) && Number(each) >= 0 && Number(each) < 256;
  if (Array.isArray(list) && list.every(isByte)) return Uint8Array.from(list);
  const rule = "its bytes must be base64 or numbers from 0 to 255";
  throw mediaRefusal(rules, rule, value);
}

function mediaRefusal(
  { kind }: MediaRules,
  rule: string,
  value: unknown,
  options?: ErrorOptions,
): TypeError {
  return refusal(`${kind}: ${rule}`, value, options);
}

/**
 * Finds the audio in the value of a column: see {@linkcode mediaPlace}. An object may also have samples in `array`, as
 * decoded rows of Hugging Face datasets do.
 *
 * @param folder The folder, or its URL, that paths are relative to.
 * @throws {TypeError} If the value has no audio.
 */
export function audioPlace(value: unknown, folder: string): MediaPlace {
  return mediaPlace(value, folder, AUDIO);
}

/** Whether a value of any kind of column looks like audio. */
export function looksLikeAudio(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.length === 1 && looksLikeAudio(value[0]);
  }
  if (typeof value === "object" && value !== null) {
    return AUDIO.keys.some((key) => key in value);
  }
  if (typeof value !== "string") return false;
  if (/^data:audio\//i.test(value) || isBase64Media(value, AUDIO)) return true;
  return isAudioName(value.replace(/^(https?:[^?#]*)[^]*/i, "$1"));
}

const AUDIO: MediaRules = {
  kind: "audio",
  // The names that Hugging Face and others use; those that need no file or download first.
  keys: ["bytes", "data", "array", "path", "url", "src"],
  // WAV, FLAC, Ogg and MP3.
  base64Magic: /^(UklGR|ZkxhQ|T2dnU|SUQz|\/\/[I-Po-v]|\/\+[I-P])/,
};

/** Encodes the samples of a decoded Hugging Face row as a mono 16-bit WAV file. */
function wavOf(array: unknown, rateHz: unknown): Uint8Array<ArrayBuffer> {
  const isNumber = (each: unknown) => typeof each === "number";
  if (!Array.isArray(array) || !array.every(isNumber) || !isNumber(rateHz)) {
    throw new TypeError(
      `audio: 'array' must be numbers, and 'sampling_rate' a number, but were ${
        described(array)
      } and ${described(rateHz)}`,
    );
  }
  return encodeWav(toPcm16(Float32Array.from(array)), Number(rateHz));
}

/**
 * Downloads a file.
 *
 * @param maxBytes Largest size. The default, 256 MiB, exceeds any utterance.
 * @throws {Error} If it does not arrive completely and in time. The message does not contain the query, which may be
 * secret.
 */
export async function download(
  url: URL,
  { timeoutMs, signal }: Omit<MediaContext, "folder">,
  maxBytes = 2 ** 28,
): Promise<Uint8Array<ArrayBuffer>> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([late, signal]),
    });
    if (response.ok) return await readBody(response, maxBytes);
    await response.body?.cancel();
    throw new Error(
      `the status must be 2xx, but was ${response.status} ${response.statusText}`
        .trimEnd(),
    );
  } catch (error) {
    const reason = late.aborted
      ? `not complete within ${timeoutMs} ms`
      : messageOf(error);
    const address = urlWithoutQuery(url);
    // The message of fetch may contain the whole URL, and so may its cause.
    throw new Error(
      `cannot fetch ${address}: ${reason.replaceAll(url.href, address)}`,
    );
  }
}

/** A URL without user, password and query, which may be secret. */
export function urlWithoutQuery(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The id of media, without secrets. Different files, URLs and bytes have different ids. */
export function mediaId(place: MediaPlace, folder: string): string {
  switch (place.kind) {
    case "file":
      return relative(folder, place.path).replaceAll(sep, "/");
    case "bytes":
      return `sha256:${hashOf(place.bytes, 16)}`;
    case "url": {
      const { href } = place.url;
      const address = urlWithoutQuery(place.url);
      return address === href ? address : `${address}#${hashOf(href, 12)}`;
    }
  }
}

function hashOf(data: Uint8Array | string, digits: number): string {
  return createHash("sha256").update(data).digest("hex").slice(0, digits);
}
