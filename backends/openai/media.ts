import { encodeWav } from "../../audio/mod.ts";
import type { Audio, Image, MediaFile } from "../../plugins/mod.ts";
import { yieldToEventLoop } from "../../lib/loop_turn.ts";
import { byteCache } from "../../lib/byte_cache.ts";
import { bytesOf, joinBytes } from "./bytes.ts";

/** Audio and pictures as a string of JSON holds them, in bytes: each read and encoded once, as long as there is room. */
export interface Media {
  /**
   * Audio as `input_audio` takes it: a WAV or MP3 file as it is, any other as a WAV of 16 kHz.
   *
   * @throws {Error} If the file cannot be read or decoded.
   */
  inputAudio(audio: Audio): Promise<InputAudio>;
  /**
   * The file in a `data:` URL, whatever it is.
   *
   * @throws {Error} If it cannot be read.
   */
  dataUrl(kind: "audio" | "image", file: Audio | Image): Promise<Uint8Array>;
}

/** The two fields of an `input_audio`. */
export interface InputAudio {
  /** The file in base64. */
  readonly data: Uint8Array;
  /** What it is. */
  readonly format: "wav" | "mp3";
}

/** Room for what is kept, beside what is being sent: some 60 clips of 25 s. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** What speech models work at. */
const RATE_HZ = 16_000;

/** Keeps at most `maxBytes` of what was encoded. */
export function openMedia(maxBytes: number = CACHE_BYTES): Media {
  const inputs = byteCache<InputAudio>(maxBytes, ({ data }) => data.length);
  const urls = byteCache<Uint8Array>(maxBytes, ({ length }) => length);
  return {
    inputAudio: (audio) => inputs.get(audio.id, () => encoded(audio)),
    dataUrl: (kind, file) =>
      urls.get(`${kind} ${file.id}`, async () => urlOf(await file.file())),
  };
}

async function encoded(audio: Audio): Promise<InputAudio> {
  const file = await audio.file();
  const format = FORMATS[file.mediaType];
  if (format) return { data: await base64Of(file.bytes), format };
  const wav = encodeWav(await audio.pcm16(RATE_HZ), RATE_HZ);
  return { data: await base64Of(wav), format: "wav" };
}

const FORMATS: Readonly<Record<string, InputAudio["format"]>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
};

async function urlOf({ bytes, mediaType }: MediaFile): Promise<Uint8Array> {
  // A type may have quotes: audio/ogg; codecs="opus".
  const start = JSON.stringify(`data:${mediaType};base64,`).slice(1, -1);
  return joinBytes([start, await base64Of(bytes)]);
}

/** Media this long is encoded in one go, beyond it the loop is let go in between. Three bytes make four characters. */
const BREATH_BYTES = 3 * 128 * 1024;

async function base64Of(bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BREATH_BYTES) {
    if (at > 0) await yieldToEventLoop();
    const slice = bytes.subarray(at, at + BREATH_BYTES);
    parts.push(bytesOf(slice.toBase64()));
  }
  return parts.length === 1 ? parts[0]! : joinBytes(parts);
}
