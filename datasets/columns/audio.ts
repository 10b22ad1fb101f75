import { isAudioName } from "../find_audio.ts";
import {
  described,
  isBase64Media,
  type MediaPlace,
  mediaPlace,
  type MediaRules,
} from "./media.ts";

/**
 * Finds out where the audio is that the value of a column holds: see {@linkcode mediaPlace}. An object may hold
 * samples in `array`, too, as decoded rows of Hugging Face datasets do.
 *
 * @param folder What paths are relative to.
 * @throws {TypeError} If it holds none.
 */
export function audioPlace(value: unknown, folder: string): MediaPlace {
  return mediaPlace(value, folder, AUDIO);
}

/** Whether a value of a column that may hold anything looks like audio. */
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
  what: "audio",
  // What Hugging Face and others call the audio in a row, first what is at hand.
  keys: ["bytes", "data", "array", "path", "url", "src"],
  // WAV, FLAC, Ogg and MP3.
  base64Magic: /^(UklGR|ZkxhQ|T2dnU|SUQz|\/\/[I-Po-v]|\/\+[I-P])/,
  own: (key, { array, sampling_rate, sample_rate }) =>
    key === "array" ? floatWav(array, sampling_rate ?? sample_rate) : undefined,
};

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
