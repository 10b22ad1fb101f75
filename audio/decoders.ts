import { byteBudget } from "./budget.ts";
import { type AudioClip, openClip } from "./clip.ts";
import { openDecodePool } from "./decode_pool.ts";
import { limit } from "./limit.ts";
import type { AudioSource } from "./source.ts";

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
   * Where to cut, in seconds. What follows is not decoded.
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

/** Files and samples held at a time for what is being decoded; what was handed out counts no more. */
const MAX_BYTES = 2 ** 29;

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
  const budget = byteBudget(MAX_BYTES);
  return {
    async clip(source, { maxSeconds = Infinity } = {}) {
      requireSeconds(maxSeconds);
      const whole = await openClip(source, { limited, budget, pool });
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
  const message =
    `Cannot open decoders as there must be a thread: current value is ${threads}`;
  throw new RangeError(message);
}

function requireSeconds(maxSeconds: number): void {
  if (maxSeconds > 0) return;
  const message =
    `Cannot cut audio as maxSeconds must be more than 0: current value is ${maxSeconds}`;
  throw new RangeError(message);
}
