import { type AudioClip, openClip } from "./clip.ts";
import { DecodePool } from "./decode_pool.ts";
import type { AudioSource } from "./source.ts";

/** Opens clips, and decodes them in worker threads. */
export interface Decoders extends AsyncDisposable {
  /**
   * Opens a clip. Only its headers are read.
   *
   * @throws {AudioError} If the source is not audio, empty, truncated or shorter than 1 ms.
   * @throws {RangeError} If `maxSeconds` is not above 0.
   */
  clip(source: AudioSource, options?: ClipOptions): Promise<AudioClip>;
}

/** Options of {@linkcode Decoders.clip}. */
export interface ClipOptions {
  /**
   * Where to cut, in seconds. The rest is not decoded.
   *
   * @default Infinity
   */
  readonly maxSeconds?: number;
}

/** Options of {@linkcode openDecoders}. */
export interface DecodersOptions {
  /**
   * Maximum number of workers. They start when they are needed.
   *
   * @default half of the machine's processors, 1 to 4
   */
  readonly threads?: number;
}

/**
 * Opens decoders. Decoding runs in web workers, off the thread that sends and takes times; if workers cannot be
 * started, in this thread. Disposing ends the workers and their work.
 *
 * @throws {RangeError} If `threads` is not a whole number from 1.
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
  const pool = new DecodePool(
    threadCount(options.threads),
    new URL("./decode_worker.ts", import.meta.url),
  );
  return {
    async clip(source, { maxSeconds = Infinity } = {}) {
      if (!(maxSeconds > 0)) {
        throw new RangeError(
          `maxSeconds: must be more than 0, but was ${maxSeconds}`,
        );
      }
      const whole = await openClip(source, pool);
      const { id, durationMs } = whole;
      const endMs = maxSeconds * 1000;
      return durationMs > endMs ? whole.part({ endMs, id }) : whole;
    },
    [Symbol.asyncDispose]() {
      pool[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

function threadCount(threads: number | undefined): number {
  if (threads === undefined) {
    const half = Math.floor(navigator.hardwareConcurrency / 2);
    return Math.min(4, Math.max(1, half));
  }
  if (Number.isSafeInteger(threads) && threads >= 1) return threads;
  throw new RangeError(
    `threads: must be a whole number from 1, but was ${threads}`,
  );
}
