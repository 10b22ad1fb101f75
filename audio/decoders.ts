import { openDecodePool } from "./decode_pool.ts";
import { encodeWav } from "./encode_wav.ts";
import type { AudioFormat } from "./info.ts";
import { inspectAudio } from "./inspect.ts";
import { limit } from "./limit.ts";
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

/** Makes clips of sources, and decodes them in threads of its own. */
export interface Decoders extends AsyncDisposable {
  /**
   * A clip, of which only the headers have been read.
   *
   * @throws {AudioError} where the source is not audio, empty, truncated or shorter than 1 ms
   * @throws {RangeError} where `maxSeconds` is not more than 0
   */
  clip(source: AudioSource, options?: ClipOptions): Promise<AudioClip>;
}

/** Options of {@linkcode Decoders.clip}. */
export interface ClipOptions {
  /**
   * Where to cut, in seconds.
   *
   * @default Infinity
   */
  readonly maxSeconds?: number;
}

/** Options of {@linkcode openDecoders}. */
export interface DecodersOptions {
  /**
   * Most workers at a time. They start when they are needed.
   *
   * @default half of the machine's processors, 1 to 4
   */
  readonly threads?: number;
}

/** Sources open at a time, so that 10,000 clips asked for at once do not run out of files. */
const MAX_OPEN = 32;

const EXTENSIONS: Readonly<Record<AudioFormat, string>> = {
  wav: "wav",
  flac: "flac",
  mp3: "mp3",
  opus: "ogg",
  vorbis: "ogg",
};

/**
 * Opens decoders. Whatever is decoded runs in web workers, off the thread that sends and stamps;
 * where workers cannot be had, in this thread. Disposing ends the workers and what they are at.
 *
 * @throws {RangeError} where `threads` is no whole number from 1
 *
 * @example
 * ```ts
 * import { bytesSource, encodeWav, openDecoders } from "@earshot/earshot/audio";
 *
 * const wav = encodeWav(new Int16Array(48_000), 48_000);
 * await using decoders = openDecoders({ threads: 1 });
 * const clip = await decoders.clip(bytesSource(wav, "silence.wav"));
 * console.log(clip.durationMs, (await clip.pcm16(16_000)).length); // 1000 16000
 * ```
 */
export function openDecoders(options: DecodersOptions = {}): Decoders {
  const pool = openDecodePool({
    threads: threadCount(options.threads),
    workerUrl: new URL("./decode_worker.ts", import.meta.url),
  });
  const limited = limit(MAX_OPEN);
  return {
    async clip(source, { maxSeconds = Infinity } = {}) {
      return await openClip(source, requireSeconds(maxSeconds));
    },
    [Symbol.asyncDispose]() {
      pool[Symbol.dispose]();
      return Promise.resolve();
    },
  };

  async function openClip(
    source: AudioSource,
    maxSeconds: number,
  ): Promise<AudioClip> {
    const info = await limited(() => inspectAudio(source));
    const isCut = info.durationMs > maxSeconds * 1000;
    const decode = async (sampleRateHz: number) => {
      const bytes = await limited(() =>
        isCut && info.format === "wav"
          ? readCutWav(source, maxSeconds)
          : readAll(source)
      );
      return await pool.run({
        name: source.name,
        bytes,
        sampleRateHz,
        maxSeconds,
      });
    };
    const base = baseName(source.name);
    return {
      id: source.id,
      durationMs: isCut ? maxSeconds * 1000 : info.durationMs,
      pcm16: shared(decode),
      async file() {
        if (!isCut) {
          const bytes = await limited(() => readAll(source));
          const name = withExtension(base, EXTENSIONS[info.format]);
          return { bytes, mediaType: info.mediaType, name };
        }
        const pcm16 = await decode(info.sampleRateHz);
        return {
          bytes: encodeWav(pcm16, info.sampleRateHz),
          mediaType: "audio/wav",
          name: `${base.replace(/\.[^.]*$/, "")}.wav`,
        };
      },
    };
  }
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
async function readCutWav(
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

function threadCount(threads: number | undefined): number {
  if (threads === undefined) {
    const half = Math.floor(navigator.hardwareConcurrency / 2);
    return Math.min(4, Math.max(1, half));
  }
  if (Number.isSafeInteger(threads) && threads >= 1) return threads;
  const message =
    `Cannot open decoders as there must be a thread: current value is ${threads}`;
  throw new RangeError(message);
}

function requireSeconds(maxSeconds: number): number {
  if (maxSeconds > 0) return maxSeconds;
  const message =
    `Cannot cut audio as maxSeconds must be more than 0: current value is ${maxSeconds}`;
  throw new RangeError(message);
}

function requireRate(sampleRateHz: number): number {
  if (Number.isSafeInteger(sampleRateHz) && sampleRateHz >= 1) {
    return sampleRateHz;
  }
  const message =
    `Cannot decode audio as its rate must be a whole number of Hz from 1: current value is ${sampleRateHz}`;
  throw new RangeError(message);
}
