import type { DecodePool } from "./decode_pool.ts";
import { encodeWav } from "./encode_wav.ts";
import type { AudioFormat, AudioInfo } from "./info.ts";
import { inspectAudio } from "./inspect.ts";
import type { limit } from "./limit.ts";
import type { AudioSource } from "./source.ts";
import { cutWav } from "./wav.ts";

/** One utterance, decoded on demand. */
export interface AudioClip {
  /** The source's id: stands for the audio in samples and reports. */
  readonly id: string;
  /** Length, in milliseconds. */
  readonly durationMs: number;
  /**
   * The file as it is, for uploads; where `maxSeconds` cuts it, a mono 16-bit WAV of what is left.
   *
   * @throws {AudioError} where the file cannot be read, or what is cut cannot be decoded
   */
  file(): Promise<
    { bytes: Uint8Array<ArrayBuffer>; mediaType: string; name: string }
  >;
  /**
   * Mono PCM16 at `sampleRateHz`, shape `[samples]`. Decoded anew for each request, but requests for
   * one rate at one time share a decode and its array: leave that as it is.
   *
   * @throws {AudioError} where the file is truncated or corrupt in a way that headers do not tell
   * @throws {RangeError} where the rate is no whole number from 1
   */
  pcm16(sampleRateHz: number): Promise<Int16Array<ArrayBuffer>>;
}

/** What a clip is made with. */
interface Making {
  /** Where to cut; Infinity for not at all. */
  readonly maxSeconds: number;
  /** Keeps the number of open sources down. */
  readonly limited: ReturnType<typeof limit>;
  readonly pool: DecodePool;
}

const EXTENSIONS: Readonly<Record<AudioFormat, string>> = {
  wav: "wav",
  flac: "flac",
  mp3: "mp3",
  opus: "ogg",
  vorbis: "ogg",
};

/** A clip of a source, of which the headers are read now. */
export async function openClip(
  source: AudioSource,
  { maxSeconds, limited, pool }: Making,
): Promise<AudioClip> {
  const info = await limited(() => inspectAudio(source));
  const isCut = info.durationMs > maxSeconds * 1000;
  const isCutWav = isCut && info.format === "wav";
  const read = isCutWav ? readStart : readAll;
  const decode = async (sampleRateHz: number) => {
    const bytes = await limited(() => read(source, maxSeconds));
    const { name } = source;
    return await pool.run({ name, bytes, sampleRateHz, maxSeconds });
  };
  return {
    id: source.id,
    durationMs: isCut ? maxSeconds * 1000 : info.durationMs,
    pcm16: shared(decode),
    file: async () =>
      isCut
        ? cutFile(source, info, await decode(info.sampleRateHz))
        : wholeFile(source, info, await limited(() => readAll(source))),
  };
}

function wholeFile(
  { name }: AudioSource,
  { format, mediaType }: AudioInfo,
  bytes: Uint8Array<ArrayBuffer>,
) {
  const fileName = withExtension(baseName(name), EXTENSIONS[format]);
  return { bytes, mediaType, name: fileName };
}

function cutFile(
  { name }: AudioSource,
  { sampleRateHz }: AudioInfo,
  pcm16: Int16Array<ArrayBuffer>,
) {
  return {
    bytes: encodeWav(pcm16, sampleRateHz),
    mediaType: "audio/wav",
    name: `${baseName(name).replace(/\.[^.]*$/, "")}.wav`,
  };
}

/** Lets those who ask for the same rate while it is being decoded have the same answer. */
function shared<T>(
  decode: (sampleRateHz: number) => Promise<T>,
): (sampleRateHz: number) => Promise<T> {
  const running = new Map<number, Promise<T>>();
  return (sampleRateHz) => {
    const known = running.get(sampleRateHz);
    if (known !== undefined) return known;
    const promise = Promise.try(requireRate, sampleRateHz).then(decode)
      .finally(() => running.delete(sampleRateHz));
    running.set(sampleRateHz, promise);
    return promise;
  };
}

async function readAll(source: AudioSource): Promise<Uint8Array<ArrayBuffer>> {
  await using bytes = await source.open();
  return await bytes.read(0, bytes.size);
}

/** A few seconds of hours of WAV: only those are read. */
async function readStart(
  source: AudioSource,
  maxSeconds: number,
): Promise<Uint8Array<ArrayBuffer>> {
  await using bytes = await source.open();
  return await cutWav(bytes, source.name, maxSeconds);
}

function baseName(name: string): string {
  return name.replace(/[?#].*$/, "").split(/[\\/]/).at(-1) || "audio";
}

function withExtension(name: string, extension: string): string {
  return /\.\w{2,5}$/.test(name) ? name : `${name}.${extension}`;
}

function requireRate(sampleRateHz: number): number {
  if (Number.isSafeInteger(sampleRateHz) && sampleRateHz >= 1) {
    return sampleRateHz;
  }
  const message =
    `Cannot decode audio as its rate must be a whole number of Hz from 1: current value is ${sampleRateHz}`;
  throw new RangeError(message);
}
