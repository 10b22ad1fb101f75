import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isAudioName } from "./find_audio.ts";

/** Where the audio of a record is. */
export type AudioPlace =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "url"; readonly url: URL }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> };

/**
 * Finds out what the value of an audio column is: a path, an `http:` or `data:` URL, base64, or an object
 * that holds one of these, as rows of Hugging Face datasets do.
 *
 * @param folder What paths are relative to.
 * @throws {TypeError} If it is none of these.
 */
export function audioPlace(value: unknown, folder: string): AudioPlace {
  if (typeof value === "string" && value !== "") return ofString(value, folder);
  if (value instanceof Uint8Array) return bytesPlace(value.slice());
  if (Array.isArray(value) && value.length === 1) {
    return audioPlace(value[0], folder);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return ofObject(value as Record<string, unknown>, folder);
  }
  throw new TypeError(
    `Cannot use the audio as it must be a path, a URL, a data URI, base64 or an object with one of them: current value is ${
      described(value)
    }`,
  );
}

/** Whether a value of a column that may hold anything looks like audio. */
export function looksLikeAudio(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.length === 1 && looksLikeAudio(value[0]);
  }
  if (typeof value === "object" && value !== null) {
    return OBJECT_KEYS.some((key) => key in value);
  }
  if (typeof value !== "string") return false;
  if (/^data:audio\//i.test(value) || isBase64Audio(value)) return true;
  return isAudioName(value.replace(/^(https?:[^?#]*).*$/i, "$1"));
}

/** What Hugging Face and others call the audio in a row, first what is at hand. */
const OBJECT_KEYS = ["bytes", "data", "array", "path", "url", "src"] as const;

function ofString(value: string, folder: string): AudioPlace {
  if (/^data:/i.test(value)) return bytesPlace(dataUri(value));
  if (/^https?:/i.test(value)) return { kind: "url", url: urlOf(value) };
  if (isBase64Audio(value)) return bytesPlace(base64(value));
  const path = /^file:\/\//i.test(value) ? fileURLToPath(value) : value;
  return { kind: "file", path: resolve(folder, path) };
}

function ofObject(
  value: Record<string, unknown>,
  folder: string,
): AudioPlace {
  const key = OBJECT_KEYS.find((key) => (value[key] ?? null) !== null);
  const inner = key && value[key];
  if (key === "array") {
    const { sampling_rate, sample_rate } = value;
    return bytesPlace(floatWav(inner, sampling_rate ?? sample_rate));
  }
  if (key === "bytes" || key === "data") {
    if (typeof inner === "string") {
      return bytesPlace(/^data:/i.test(inner) ? dataUri(inner) : base64(inner));
    }
    return bytesPlace(bytesOf(inner));
  }
  if (typeof inner === "string") return audioPlace(inner, folder);
  throw new TypeError(
    `Cannot use the audio as an object must hold one of ${
      OBJECT_KEYS.join(", ")
    }: current value has ${Object.keys(value).join(", ") || "nothing"}`,
  );
}

function bytesPlace(bytes: Uint8Array<ArrayBuffer>): AudioPlace {
  return { kind: "bytes", bytes };
}

/**
 * What WAV, FLAC, Ogg and MP3 files begin with, in base64, and nothing but base64 behind it;
 * what is longer than any path may begin with anything.
 */
function isBase64Audio(value: string): boolean {
  const mayBe = value.length >= MIN_BASE64 && MAGIC.test(value) ||
    value.length > MAX_PATH;
  return mayBe && /^[\w+/\s-]+={0,2}\s*$/.test(value);
}

const MAGIC = /^(UklGR|ZkxhQ|T2dnU|SUQz|\/\/[I-Po-v]|\/\+[I-P])/;
/** No audio file is as short as this. */
const MIN_BASE64 = 64;
const MAX_PATH = 4096;

function base64(text: string): Uint8Array<ArrayBuffer> {
  try {
    const alphabet = /[-_]/.test(text) ? "base64url" : "base64";
    return Uint8Array.fromBase64(text, { alphabet });
  } catch (cause) {
    throw new TypeError(
      `Cannot use the audio as it must be base64: current value is ${
        described(text)
      }`,
      { cause },
    );
  }
}

function dataUri(uri: string): Uint8Array<ArrayBuffer> {
  const comma = uri.indexOf(",");
  if (comma < 0) {
    throw new TypeError(
      `Cannot use the audio as a data URI must have a comma before its data: current value is ${
        described(uri)
      }`,
    );
  }
  const data = uri.slice(comma + 1);
  if (/;base64$/i.test(uri.slice(0, comma))) {
    return base64(data.includes("%") ? decodeURIComponent(data) : data);
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

function urlOf(value: string): URL {
  const url = URL.parse(value);
  if (url) return url;
  throw new TypeError(
    `Cannot use the audio as its URL must be well formed: current value is ${
      described(value)
    }`,
  );
}

/** Bytes as JSON has them: an array of numbers, or what `JSON.stringify` makes of a Node buffer. */
function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return value.slice();
  const list = Array.isArray(value)
    ? value
    : (value as { data?: unknown } | null)?.data;
  const isByte = (each: unknown) =>
    Number.isInteger(each) && Number(each) >= 0 && Number(each) < 256;
  if (Array.isArray(list) && list.every(isByte)) return Uint8Array.from(list);
  throw new TypeError(
    `Cannot use the audio as its bytes must be base64 or numbers from 0 to 255: current value is ${
      described(value)
    }`,
  );
}

/** A WAV file of the samples in a decoded Hugging Face row: mono float32. */
function floatWav(
  array: unknown,
  rateHz: unknown,
): Uint8Array<ArrayBuffer> {
  const isNumber = (each: unknown) => typeof each === "number";
  if (!Array.isArray(array) || !array.every(isNumber) || !isNumber(rateHz)) {
    throw new TypeError(
      `Cannot use the audio as 'array' must be numbers with a number in 'sampling_rate' beside it: current value is ${
        described(array)
      } and ${described(rateHz)}`,
    );
  }
  const view = new DataView(new ArrayBuffer(44 + array.length * 4));
  const ascii = (at: number, text: string) =>
    [...text].forEach((_, i) => view.setUint8(at + i, text.charCodeAt(i)));
  ascii(0, "RIFF");
  view.setUint32(4, 36 + array.length * 4, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 3, true); // float
  view.setUint16(22, 1, true);
  view.setUint32(24, Number(rateHz), true);
  view.setUint32(28, Number(rateHz) * 4, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 32, true);
  ascii(36, "data");
  view.setUint32(40, array.length * 4, true);
  array.forEach((sample, i) => view.setFloat32(44 + i * 4, sample, true));
  return new Uint8Array(view.buffer);
}

/** A value for an error, with nothing of its media. */
function described(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === "") return "empty";
  const text = JSON.stringify(value);
  return text.length > 80
    ? `${text.slice(0, 60)}… (${text.length} characters)`
    : text;
}
