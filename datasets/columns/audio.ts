import { isAudioName } from "../find_audio.ts";
import {
  isBase64Media,
  type MediaPlace,
  mediaPlace,
  type MediaRules,
} from "./media.ts";
import { described } from "./values.ts";

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
  readOwn: (key, { array, sampling_rate, sample_rate }) =>
    key === "array" ? floatWav(array, sampling_rate ?? sample_rate) : undefined,
};

/** Encodes the samples of a decoded Hugging Face row as a mono float32 WAV file. */
function floatWav(array: unknown, rateHz: unknown): Uint8Array<ArrayBuffer> {
  const isNumber = (each: unknown) => typeof each === "number";
  if (!Array.isArray(array) || !array.every(isNumber) || !isNumber(rateHz)) {
    throw new TypeError(
      `audio: 'array' must be numbers, and 'sampling_rate' a number, but was ${
        described(array)
      } and ${described(rateHz)}`,
    );
  }
  const size = array.length * 4;
  const view = new DataView(new ArrayBuffer(44 + size));
  const bytes = new Uint8Array(view.buffer);
  bytes.set(new TextEncoder().encode("RIFF    WAVEfmt "));
  view.setUint32(4, 36 + size, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 3, true); // float
  view.setUint16(22, 1, true);
  view.setUint32(24, Number(rateHz), true);
  view.setUint32(28, Number(rateHz) * 4, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 32, true);
  bytes.set(new TextEncoder().encode("data"), 36);
  view.setUint32(40, size, true);
  array.forEach((sample, i) => view.setFloat32(44 + i * 4, sample, true));
  return bytes;
}
