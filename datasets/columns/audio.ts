import { encodeWav, toPcm16 } from "../../audio/mod.ts";
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
    key === "array" ? wavOf(array, sampling_rate ?? sample_rate) : undefined,
};

/** Encodes the samples of a decoded Hugging Face row as a mono 16-bit WAV file. */
function wavOf(array: unknown, rateHz: unknown): Uint8Array<ArrayBuffer> {
  const isNumber = (each: unknown) => typeof each === "number";
  if (!Array.isArray(array) || !array.every(isNumber) || !isNumber(rateHz)) {
    throw new TypeError(
      `audio: 'array' must be numbers, and 'sampling_rate' a number, but was ${
        described(array)
      } and ${described(rateHz)}`,
    );
  }
  return encodeWav(toPcm16(Float32Array.from(array)), Number(rateHz));
}
