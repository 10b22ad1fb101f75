import type { Audio } from "../../plugins/mod.ts";
import { yieldToEventLoop } from "../../lib/loop_turn.ts";
import { byteCache } from "../../lib/byte_cache.ts";
import type { Dialect } from "./dialects/dialect.ts";

/** An utterance as it goes on the wire, chunk by chunk. */
export interface Frames {
  /** The messages. */
  readonly messages: readonly string[];
  /** Where in the audio each of them ends, in milliseconds. */
  readonly endsMs: readonly number[];
  /** How long the audio is, in milliseconds. */
  readonly durationMs: number;
  /** How much memory the messages take. */
  readonly bytes: number;
}

/** How to cut audio into {@linkcode Frames}. */
export interface FramesOptions {
  /** Knows the rate and the form of a message. */
  readonly dialect: Pick<Dialect, "append" | "sampleRateHz">;
  /** Length of a chunk; the last one may be shorter. */
  readonly chunkMs: number;
  /** Aborts when nobody wants them any more. */
  readonly signal: AbortSignal;
}

/** Audio this long is encoded in one go; beyond it the loop is let go in between. */
const BREATH_BYTES = 512 * 1024;

/**
 * Cuts audio into chunks and encodes each.
 *
 * @throws {Error} If there is no audio in it.
 */
export async function framesOf(
  audio: Audio,
  { dialect, chunkMs, signal }: FramesOptions,
): Promise<Frames> {
  const samples = await audio.pcm16(dialect.sampleRateHz);
  if (samples.length === 0) {
    throw new Error(
      `Cannot stream ${audio.id} as it must have a sample: current value is 0`,
    );
  }
  const perMs = dialect.sampleRateHz / 1000;
  const step = Math.max(1, Math.round(chunkMs * perMs));
  const messages: string[] = [];
  const endsMs: number[] = [];
  let bytes = 0;
  let sinceBreath = 0;
  for (let start = 0; start < samples.length; start += step) {
    const end = Math.min(start + step, samples.length);
    const message = dialect.append(bytesOf(samples.subarray(start, end)));
    messages.push(message);
    endsMs.push(end / perMs);
    bytes += message.length;
    sinceBreath += message.length;
    if (sinceBreath > BREATH_BYTES) {
      sinceBreath = 0;
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
  }
  return { messages, endsMs, durationMs: samples.length / perMs, bytes };
}

/** PCM16 is little-endian on the wire, as every machine is that Deno runs on. */
function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** Frames by audio. */
export interface FrameCache {
  /** The frames of an audio, made now if they are not there. */
  get(audio: Audio): Promise<Frames>;
}

/** Keeps at most `maxBytes`, beside the latest frames and what is being sent. */
export function frameCache(
  options: FramesOptions & { readonly maxBytes: number },
): FrameCache {
  const cache = byteCache<Frames>(options.maxBytes, ({ bytes }) => bytes);
  return {
    get: (audio) => cache.get(audio.id, () => framesOf(audio, options)),
  };
}
