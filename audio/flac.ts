import { createHash } from "node:crypto";
import { refusal } from "./errors.ts";
import { flacFrameAt, flacFrameEnds } from "./flac_frame.ts";
import { type AudioInfo, audioInfo, type DecodedAudio } from "./info.ts";
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
  const samples = await lastSample(bytes, info, name);
  return audioInfo(name, { format: "flac", ...info, samples });
}

/** The samples of a FLAC file, held against the digest that the encoder left. */
export async function decodeFlac(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const info = await streamInfo(bytesOf(bytes), name);
  const expected = await lastSample(bytesOf(bytes), info, name);
  const { FLACDecoder } = await import("@wasm-audio-decoders/flac");
  const decoder = new FLACDecoder();
  await decoder.ready;
  try {
    const { channelData, samplesDecoded } = await decoder.decodeFile(
      padded(bytes),
    );
    if (samplesDecoded !== expected) {
      throw refusal(name, `its frames must hold ${expected} samples`, {
        is: `${samplesDecoded} that are sound`,
      });
    }
    const channels = channelData.map((channel) => rescale(channel, info.bits));
    requireDigest(channels, info, name);
    return { sampleRateHz: info.sampleRateHz, channels };
  } finally {
    decoder.free();
  }
}

/** A copy with zeros behind it, as the decoder loses a last frame of a few bytes (silence) without them. */
function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.length + 32);
  copy.set(bytes);
  return copy;
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

/**
 * The number of samples, known from the last frame: one that ends the stream must lie whole near the
 * end of the file.
 */
async function lastSample(
  bytes: AudioBytes,
  info: StreamInfo,
  name: string,
): Promise<number> {
  const span = Math.min(bytes.size, info.frameBytes + TRAILER_BYTES);
  const tail = await bytes.read(bytes.size - span, bytes.size);
  for (let at = tail.length - 1; at >= 0; at--) {
    const frame = flacFrameAt(tail, at, info.blockSamples);
    if (frame === undefined) continue;
    const end = frame.firstSample + frame.samples;
    if (info.samples > 0 && end !== info.samples) continue;
    if (flacFrameEnds(tail, at)) return end;
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
