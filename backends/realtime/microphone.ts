import { yieldToEventLoop } from "../../lib/loop_turn.ts";
import { byteCache } from "../../lib/byte_cache.ts";
import type { Connection } from "./connections.ts";
import type { Dialect } from "./dialects/dialect.ts";
import type { Audio, Call } from "../../plugins/mod.ts";

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

/** Audio on its way to a server. */
export interface Microphone {
  /** How much has been sent, in milliseconds of audio. */
  readonly sentMs: number;
  /** Sends no more. */
  stop(): void;
}

/** What a {@linkcode Microphone} needs beside the audio. */
export interface MicrophoneOptions {
  /** Where the audio goes. */
  readonly connection: Pick<Connection, "send" | "bufferedBytes">;
  /** Hears when each chunk was due and sent. */
  readonly call: Call;
  /** Times as fast as speech; 0 sends as fast as the connection takes it. */
  readonly speed: number;
  /** Called right behind the last chunk, in the same turn of the loop. */
  ended(): void;
}

/** Unpaced audio waits while more than this has not left. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Unpaced audio lets the loop turn after as much as this. */
const BURST_BYTES = 256 * 1024;
const POLL_MS = 1;

/** Begins to send. */
export function openMicrophone(
  frames: Frames,
  options: MicrophoneOptions,
): Microphone {
  return options.speed === 0 ? pour(frames, options) : pace(frames, options);
}

/**
 * Each chunk is due when a microphone would have recorded it, which is at its end: `start + end / speed`,
 * whatever became of the chunks before. One task of the shared timer at a time, and no promise.
 */
function pace(
  { messages, endsMs }: Frames,
  { connection, call, speed, ended }: MicrophoneOptions,
): Microphone {
  const { clock } = call;
  const startMs = clock.now();
  call.mark("streamStart", startMs);
  let next = 0;
  let stop = clock.at(dueMs(), send);

  function dueMs(): number {
    return startMs + endsMs[next]! / speed;
  }

  function send(): void {
    const atMs = clock.now();
    connection.send(messages[next]!);
    call.audioSent({ dueMs: dueMs(), atMs, endMs: endsMs[next]! });
    next++;
    if (next === messages.length) ended();
    else stop = clock.at(dueMs(), send);
  }

  return {
    get sentMs() {
      return endsMs[next - 1] ?? 0;
    },
    stop: () => stop(),
  };
}

/** Sends what the connection takes, and comes back for the rest. */
function pour(
  { messages, endsMs }: Frames,
  { connection, call, ended }: MicrophoneOptions,
): Microphone {
  const { clock } = call;
  let next = 0;
  let stop = clock.at(clock.now(), burst);

  function burst(): void {
    let bytes = 0;
    while (next < messages.length) {
      if (bytes >= BURST_BYTES || connection.bufferedBytes > HIGH_WATER_BYTES) {
        stop = clock.at(clock.now() + POLL_MS, burst);
        return;
      }
      const message = messages[next]!;
      const atMs = clock.now();
      if (next === 0) call.mark("streamStart", atMs);
      connection.send(message);
      call.audioSent({ atMs, endMs: endsMs[next]! });
      bytes += message.length;
      next++;
    }
    ended();
  }

  return {
    get sentMs() {
      return endsMs[next - 1] ?? 0;
    },
    stop: () => stop(),
  };
}
