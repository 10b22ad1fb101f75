import { ByteCache } from "../../lib/bytes.ts";
import { yieldToEventLoop } from "../../lib/event_loop.ts";
import type {
  Audio,
  AudioEncoding,
  Call,
  Dialect,
  SocketMessage,
} from "../../plugins/mod.ts";
import { type Connection, sendAll } from "./connections.ts";

/** The audio of an utterance as messages. */
export interface Frames {
  /** The message, or messages, of each chunk. */
  readonly chunks: readonly (SocketMessage | readonly SocketMessage[])[];
  /** The end of each chunk in the audio, in milliseconds. */
  readonly endsMs: readonly number[];
  /** Length of the audio, in milliseconds. */
  readonly durationMs: number;
  /** Size of the messages in memory. */
  readonly bytes: number;
}

/** Options of {@linkcode framesOf}. */
export interface FramesOptions {
  /** Formats the messages. */
  readonly dialect: Pick<Dialect, "append" | "sampleRateHz" | "encoding">;
  /** Name of the dialect, for errors. */
  readonly dialectName: string;
  /** Length of a chunk; the last one may be shorter. */
  readonly chunkMs: number;
  /** Aborts when the frames are no longer needed. */
  readonly signal: AbortSignal;
}

/** Bytes of messages after which other tasks may run. */
const SLICE_BYTES = 512 * 1024;

/**
 * Cuts audio into chunks and formats each as the dialect says. It runs before the request, as it takes time.
 *
 * @throws {Error} If the audio is empty, or the dialect returns no message for a chunk.
 */
export async function framesOf(
  audio: Audio,
  { dialect, dialectName, chunkMs, signal }: FramesOptions,
): Promise<Frames> {
  const { sampleRateHz, encoding = "pcm16" } = dialect;
  const samples = await audio.pcm16(sampleRateHz);
  if (samples.length === 0) {
    throw new Error(`Cannot stream ${audio.id}: it has no samples`);
  }
  const perMs = sampleRateHz / 1000;
  const step = Math.max(1, Math.round(chunkMs * perMs));
  const chunks: Frames["chunks"][number][] = [];
  const endsMs: number[] = [];
  let bytes = 0;
  let sliceBytes = 0;
  for (let start = 0; start < samples.length; start += step) {
    const end = Math.min(start + step, samples.length);
    const chunk = dialect.append(
      ENCODERS[encoding](samples.subarray(start, end)),
    );
    // A dialect may be written in JavaScript.
    if (typeof chunk?.length !== "number") {
      throw new TypeError(
        `dialect ${dialectName}: append must return a message or a list of messages, but returned ${chunk}`,
      );
    }
    const size = sizeOf(chunk);
    chunks.push(chunk);
    endsMs.push(end / perMs);
    bytes += size;
    sliceBytes += size;
    if (sliceBytes > SLICE_BYTES) {
      sliceBytes = 0;
      await yieldToEventLoop();
      signal.throwIfAborted();
    }
  }
  return { chunks, endsMs, durationMs: samples.length / perMs, bytes };
}

function sizeOf(chunk: Frames["chunks"][number]): number {
  return typeof chunk === "string" || chunk instanceof Uint8Array
    ? chunk.length
    : chunk.reduce((sum, { length }) => sum + length, 0);
}

/** Samples are little-endian in messages, as on every machine that Deno supports. */
const ENCODERS: Record<AudioEncoding, (samples: Int16Array) => Uint8Array> = {
  pcm16: bytesOf,
  float32: (samples) =>
    bytesOf(Float32Array.from(samples, (sample) => sample / 32768)),
  mulaw: (samples) => Uint8Array.from(samples, mulaw),
  alaw: (samples) => Uint8Array.from(samples, alaw),
};

function bytesOf(
  { buffer, byteOffset, byteLength }: Int16Array | Float32Array,
): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** ITU-T G.711 µ-law: sign, 3 bits of exponent and 4 of mantissa, inverted; the magnitude has a bias of 132. */
function mulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 132;
  const exponent = 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

/** ITU-T G.711 A-law: as µ-law without the bias, and with every other bit inverted. */
function alaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  const magnitude = Math.min(sample < 0 ? ~sample : sample, 32767);
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  const mantissa = (magnitude >> Math.max(4, exponent + 3)) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

/**
 * Keeps at most `maxBytes` of frames, in addition to those in use. The function returned makes those of an audio unless
 * they are kept.
 */
export function frameCache(
  options: FramesOptions & { readonly maxBytes: number },
): (audio: Audio) => Promise<Frames> {
  const cache = new ByteCache<Frames>(options.maxBytes, ({ bytes }) => bytes);
  return (audio) => cache.get(audio.id, () => framesOf(audio, options));
}

/** Audio that is being sent. */
export interface Microphone {
  /** Returns the length of the audio sent so far, in milliseconds. */
  sentMs(): number;
  /** Stops sending. */
  stop(): void;
}

/** Options of {@linkcode openMicrophone}. */
export interface MicrophoneOptions {
  /** Receives the audio. */
  readonly connection: Pick<Connection, "send" | "bufferedBytes">;
  /** Records when each chunk was due and when it was sent. */
  readonly call: Call;
  /** Speed relative to speech; 0 sends as fast as the connection accepts. */
  readonly speed: number;
  /** Called directly after the last chunk, in the same task. */
  ended(): void;
}

/** Unpaced audio pauses while more bytes than this are not sent yet. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Unpaced audio lets other tasks run after this many bytes. */
const BURST_BYTES = 256 * 1024;
const POLL_MS = 1;

/** Starts to send audio. */
export function openMicrophone(
  frames: Frames,
  options: MicrophoneOptions,
): Microphone {
  return options.speed === 0
    ? sendUnpaced(frames, options)
    : sendPaced(frames, options);
}

/**
 * Each chunk is due when a microphone would have recorded it, which is at its end: `start + end / speed`, independent
 * of when earlier chunks were sent. It uses one task of the shared timer at a time, and no promise.
 */
function sendPaced(
  { chunks, endsMs }: Frames,
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
    sendAll(connection, chunks[next]!);
    call.audioSent({ dueMs: dueMs(), atMs, endMs: endsMs[next]! });
    next++;
    if (next === chunks.length) ended();
    else stop = clock.at(dueMs(), send);
  }

  return {
    sentMs: () => endsMs[next - 1] ?? 0,
    stop: () => stop(),
  };
}

/** Sends as much as the connection accepts, and continues later. */
function sendUnpaced(
  { chunks, endsMs }: Frames,
  { connection, call, ended }: MicrophoneOptions,
): Microphone {
  const { clock } = call;
  let next = 0;
  let stop = clock.at(clock.now(), burst);

  function burst(): void {
    let bytes = 0;
    while (next < chunks.length) {
      if (
        bytes >= BURST_BYTES || connection.bufferedBytes() > HIGH_WATER_BYTES
      ) {
        stop = clock.at(clock.now() + POLL_MS, burst);
        return;
      }
      const chunk = chunks[next]!;
      const atMs = clock.now();
      if (next === 0) call.mark("streamStart", atMs);
      sendAll(connection, chunk);
      call.audioSent({ atMs, endMs: endsMs[next]! });
      bytes += sizeOf(chunk);
      next++;
    }
    ended();
  }

  return {
    sentMs: () => endsMs[next - 1] ?? 0,
    stop: () => stop(),
  };
}
