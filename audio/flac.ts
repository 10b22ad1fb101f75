import { createHash } from "node:crypto";
import { refusal } from "./errors.ts";
import {
  flacFrameAt,
  flacFrameEndBefore,
  flacFrameEnds,
  startsFlacFrame,
} from "./flac_frame.ts";
import { type AudioInfo, audioInfo, type DecodedAudio } from "./info.ts";
import { loadDecoder } from "./load_decoder.ts";
import { type AudioBytes, bytesOf } from "./source.ts";

/** The STREAMINFO block (RFC 9639 §8.2). */
interface StreamInfo {
  readonly blockSamples: number;
  /** Bytes of the longest frame, or an upper bound. */
  readonly frameBytes: number;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly bits: number;
  /** Samples of each channel; 0 where the encoder did not know. */
  readonly samples: number;
  /** Digest of the samples in hex; zeros where the encoder did not know. */
  readonly md5: string;
}

/** Bytes after the last frame that are passed over: tags, mostly. */
const TRAILER_BYTES = 65_536;

/** What STREAMINFO and the last frame of a FLAC file tell. */
export async function inspectFlac(
  bytes: AudioBytes,
  name: string,
): Promise<AudioInfo> {
  const info = await streamInfo(bytes, name);
  const { samples } = await endOf(bytes, info, name);
  return audioInfo(name, { format: "flac", ...info, samples });
}

/** The samples of a FLAC file, held against the digest that the encoder left. */
export async function decodeFlac(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const info = await streamInfo(bytesOf(bytes), name);
  const end = await endOf(bytesOf(bytes), info, name);
  const frames = framesBeforeLast(bytes, { info, end, name });
  const channels = await decodeFrames(frames, bytes, { end, name });
  const scaled = channels.map((channel) => rescale(channel, info.bits));
  requireDigest(scaled, info, name);
  return { sampleRateHz: info.sampleRateHz, channels: scaled };
}

/**
 * Frames one by one, by their own numbers and checksums. The decoder's parser is not asked: it drops
 * a last frame that is short or that a tag follows, and any frame that is damaged, without a word.
 */
function framesBeforeLast(
  bytes: Uint8Array<ArrayBuffer>,
  { info, end, name }: { info: StreamInfo; end: StreamEnd; name: string },
): Uint8Array<ArrayBuffer>[] {
  const { blockSamples } = info;
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let at = audioStart(bytes);
  for (let next = 0; at < end.lastFrame;) {
    const frame = flacFrameAt(bytes, at, blockSamples);
    next += frame?.samples ?? 0;
    const stop = frame &&
      flacFrameEndBefore(bytes, at, { next, blockSamples });
    if (stop === undefined) {
      throw refusal(name, `frame ${frames.length} must be sound`, {
        is: `a corrupt one at byte ${at}`,
      });
    }
    frames.push(bytes.subarray(at, stop));
    at = stop;
  }
  return frames;
}

/** Where the first frame lies: behind the metadata blocks. */
function audioStart(bytes: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 4; at + 4 <= bytes.length;) {
    const header = view.getUint32(at);
    at += 4 + (header & 0xffffff);
    if (header >>> 31 === 1) return at;
  }
  return bytes.length;
}

/** Decodes all frames; the last one up to the first of its ends that holds what it says. */
async function decodeFrames(
  frames: readonly Uint8Array<ArrayBuffer>[],
  bytes: Uint8Array<ArrayBuffer>,
  { end, name }: { end: StreamEnd; name: string },
): Promise<readonly Float32Array[]> {
  const { FLACDecoder } = await loadDecoder(
    name,
    () => import("@wasm-audio-decoders/flac"),
  );
  const decoder = new FLACDecoder();
  await decoder.ready;
  try {
    let most = 0;
    for (const stop of end.ends) {
      const last = bytes.subarray(end.lastFrame, stop);
      const audio = await decoder.decodeFrames([...frames, last]);
      if (audio.samplesDecoded === end.samples) return audio.channelData;
      most = Math.max(most, audio.samplesDecoded);
      await decoder.reset();
    }
    throw refusal(name, `its frames must hold ${end.samples} samples`, {
      is: `${most} that are sound`,
    });
  } finally {
    decoder.free();
  }
}

async function streamInfo(
  bytes: AudioBytes,
  name: string,
): Promise<StreamInfo> {
  const head = await bytes.read(0, 42);
  const view = new DataView(head.buffer);
  if (head.length < 42 || (view.getUint8(4) & 0x7f) !== 0) {
    throw refusal(name, "FLAC must begin with a STREAMINFO block", {
      is: `none in ${bytes.size} bytes`,
    });
  }
  const packed = view.getUint32(18);
  const blockSamples = view.getUint16(10);
  const channels = (packed >> 9 & 7) + 1;
  const bits = (packed >> 4 & 31) + 1;
  return {
    blockSamples,
    frameBytes: (view.getUint32(14) >>> 0 & 0xffffff) ||
      blockSamples * channels * Math.ceil(bits / 8) + 256,
    sampleRateHz: packed >>> 12,
    channels,
    bits,
    samples: (packed & 15) * 2 ** 32 + view.getUint32(22),
    md5: head.subarray(26, 42).toHex(),
  };
}

/** How a stream ends. */
interface StreamEnd {
  /** Samples in all. */
  readonly samples: number;
  /** Where the last frame begins, and where it may end. */
  readonly lastFrame: number;
  readonly ends: readonly number[];
}

/** The last frame must lie whole near the end of the file, and end where STREAMINFO says. */
async function endOf(
  bytes: AudioBytes,
  info: StreamInfo,
  name: string,
): Promise<StreamEnd> {
  const span = Math.min(bytes.size, info.frameBytes + TRAILER_BYTES);
  const tailAt = bytes.size - span;
  const tail = await bytes.read(tailAt, bytes.size);
  for (let at = tail.length - 1; at >= 0; at--) {
    if (!startsFlacFrame(tail, at)) continue;
    const frame = flacFrameAt(tail, at, info.blockSamples);
    if (frame === undefined) continue;
    const samples = frame.firstSample + frame.samples;
    if (info.samples > 0 && samples !== info.samples) continue;
    const ends = flacFrameEnds(tail, at);
    if (ends.some((end) => startsFlacFrame(tail, end))) break;
    if (ends.length === 0) continue;
    return {
      samples,
      lastFrame: tailAt + at,
      ends: ends.map((end) => tailAt + end),
    };
  }
  const rule = info.samples > 0
    ? `its last frame must end at sample ${info.samples}`
    : "it must end with a frame";
  throw refusal(name, rule, { is: "no such frame (truncated or corrupt)" });
}

/** A copy in which full scale is 2^(bits - 1), as everywhere here; the decoder divides by one less. */
function rescale(
  samples: Float32Array,
  bits: number,
): Float32Array<ArrayBuffer> {
  const scale = 2 ** (bits - 1);
  const scaled = new Float32Array(samples.length);
  for (let i = 0; i < scaled.length; i++) {
    scaled[i] = Math.round(samples[i]! * (scale - 1)) / scale;
  }
  return scaled;
}

/** MD5 of the samples as interleaved little-endian integers; floats hold up to 24 bits exactly. */
function requireDigest(
  channels: readonly Float32Array[],
  info: StreamInfo,
  name: string,
): void {
  if (/^0*$/.test(info.md5) || info.bits > 24) return;
  const digest = createHash("md5").update(interleave(channels, info.bits))
    .digest("hex");
  if (digest === info.md5) return;
  throw refusal(name, `its samples must have the MD5 ${info.md5}`, {
    is: digest,
  });
}

function interleave(
  channels: readonly Float32Array[],
  bits: number,
): Uint8Array {
  const scale = 2 ** (bits - 1);
  const sampleBytes = Math.ceil(bits / 8);
  const frameBytes = sampleBytes * channels.length;
  const bytes = new Uint8Array((channels[0]?.length ?? 0) * frameBytes);
  channels.forEach((samples, channel) => {
    for (let i = 0; i < samples.length; i++) {
      const value = Math.round(samples[i]! * scale);
      const at = i * frameBytes + channel * sampleBytes;
      for (let b = 0; b < sampleBytes; b++) bytes[at + b] = value >> 8 * b;
    }
  });
  return bytes;
}
