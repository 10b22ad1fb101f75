import { encodeWav } from "../../audio/mod.ts";
import { ByteCache } from "../../lib/bytes.ts";
import { yieldToEventLoop } from "../../lib/event_loop.ts";
import type { Audio, Image, MediaFile } from "../../plugins/mod.ts";
import { bytesOf, joinBytes } from "./json.ts";

/** Fields of an `input_audio`. */
export interface InputAudio {
  /** File in base64. */
  readonly data: Uint8Array;
  readonly format: "wav" | "mp3";
}

/** Capacity of the cache, apart from media being sent: about 60 clips of 25 s. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** Sample rate of speech models. */
const RATE_HZ = 16_000;

/** Encodes audio and images for JSON, as the bytes of a string. Each is read and encoded once while the cache has room. */
export class Media {
  readonly #inputs: ByteCache<InputAudio>;
  readonly #urls: ByteCache<Uint8Array>;

  /** Keeps at most `maxBytes` of each form. */
  constructor(maxBytes: number = CACHE_BYTES) {
    this.#inputs = new ByteCache(maxBytes, ({ data }) => data.length);
    this.#urls = new ByteCache(maxBytes, ({ length }) => length);
  }

  /**
   * Encodes audio for `input_audio`: WAV and MP3 files unchanged, any other as WAV at 16 kHz.
   *
   * @throws {Error} If the file cannot be read or decoded.
   */
  inputAudio(audio: Audio): Promise<InputAudio> {
    return this.#inputs.get(audio.id, () => encodeAudio(audio));
  }

  /**
   * Encodes an unchanged file as a `data:` URL.
   *
   * @throws {Error} If it cannot be read.
   */
  dataUrl(kind: "audio" | "image", file: Audio | Image): Promise<Uint8Array> {
    const id = `${kind} ${file.id}`;
    return this.#urls.get(id, async () => encodeUrl(await file.file()));
  }

  /**
   * Returns the URL of an image as the option `imagesAs` requests it.
   *
   * @throws {Error} If its file cannot be read.
   */
  async imageUrl(
    image: Image,
    imagesAs: "data" | "url",
  ): Promise<string | Uint8Array> {
    if (imagesAs === "url" && image.url !== undefined) return image.url;
    return await this.dataUrl("image", image);
  }
}

const FORMATS: Readonly<Record<string, InputAudio["format"]>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
};

async function encodeAudio(audio: Audio): Promise<InputAudio> {
  const { bytes, mediaType } = await audio.file();
  const format = FORMATS[mediaType];
  if (format) return { data: await encodeBase64(bytes), format };
  const wav = encodeWav(await audio.pcm16(RATE_HZ), RATE_HZ);
  return { data: await encodeBase64(wav), format: "wav" };
}

async function encodeUrl({ bytes, mediaType }: MediaFile): Promise<Uint8Array> {
  // A media type may contain quotes: audio/ogg; codecs="opus".
  const start = JSON.stringify(`data:${mediaType};base64,`).slice(1, -1);
  return joinBytes([start, await encodeBase64(bytes)]);
}

/** Bytes encoded before the event loop runs again. A multiple of three, as three bytes make four characters. */
const SLICE_BYTES = 3 * 128 * 1024;

async function encodeBase64(bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await yieldToEventLoop();
    parts.push(bytesOf(bytes.subarray(at, at + SLICE_BYTES).toBase64()));
  }
  return parts.length === 1 ? parts[0]! : joinBytes(parts);
}
