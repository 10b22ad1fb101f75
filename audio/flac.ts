import type { FLACDecodedAudio } from "@wasm-audio-decoders/flac";
import { createHash } from "node:crypto";
import {
  type AudioFile,
  type AudioPiece,
  type AudioShape,
  PIECE_SAMPLES,
  refusal,
} from "./format.ts";
import type { AudioBytes } from "./source.ts";

/** The STREAMINFO block (RFC 9639 §8.2), with the samples of the last frame. */
interface FlacInfo extends AudioShape {
  readonly bits: number;
  /** Digest of the samples in hex; zeros if the encoder did not write it. */
  readonly md5: string;
  readonly lastFrame: Frame;
}

/** A frame of a file. */
interface Frame {
  /** Its offset. */
  readonly at: number;
  /** Number of its first sample. */
  readonly start: number;
  /** Number of the sample after it. */
  readonly end: number;
}

/** Bytes after the last frame that are skipped: tags, mostly. */
const TRAILER_BYTES = 65_536;

/**
 * Reads STREAMINFO and the header of the last frame, which must be the frame that STREAMINFO declares. If all of the file
 * is decoded, the samples are checked against the MD5 of the encoder.
 */
export async function inspectFlac(bytes: AudioBytes): Promise<AudioFile> {
  const head = await bytes.read(0, 42);
  const view = new DataView(head.buffer);
  if (head.length < 42 || (view.getUint8(4) & 0x7f) !== 0) {
    const rule = "FLAC must begin with a STREAMINFO block";
    throw refusal(rule, `without one in ${bytes.size} bytes`);
  }
  const packed = view.getUint32(18);
  const blockSamples = view.getUint16(10);
  const channels = (packed >> 9 & 7) + 1;
  const bits = (packed >> 4 & 31) + 1;
  const frameBytes = (view.getUint32(14) >>> 0 & 0xffffff) ||
    blockSamples * channels * Math.ceil(bits / 8) + 256;
  const declared = (packed & 15) * 2 ** 32 + view.getUint32(22);
  const from = Math.max(0, bytes.size - frameBytes - TRAILER_BYTES);
  const tail = await bytes.read(from, bytes.size);
  const last = findLastFrame(tail, blockSamples, declared);
  if (last === undefined) {
    const rule = declared > 0
      ? `its last frame must end at sample ${declared}`
      : "must end with a frame";
    throw refusal(rule, "without such a frame (truncated or corrupt)");
  }
  const info: FlacInfo = {
    sampleRateHz: packed >>> 12,
    channels,
    samples: last.end,
    bits,
    md5: head.subarray(26, 42).toHex(),
    lastFrame: { ...last, at: from + last.at },
  };
  return {
    ...info,
    format: "flac",
    decode(bytes, end) {
      const pieces = decode(bytes, info);
      return end === info.samples ? checked(pieces, info) : pieces;
    },
  };
}

/** Most bytes that are decoded at once: a few bytes of silence may be thousands of samples. */
const FEED_BYTES = 4096;

async function* decode(
  bytes: Uint8Array<ArrayBuffer>,
  { bits, samples, lastFrame }: FlacInfo,
): AsyncGenerator<AudioPiece> {
  const step = Math.min(
    FEED_BYTES,
    Math.ceil(bytes.length / samples * PIECE_SAMPLES),
  );
  const { FLACDecoder } = await import("@wasm-audio-decoders/flac");
  const decoder = new FLACDecoder();
  await decoder.ready;
  try {
    let count = 0;
    const scaled = ({ channelData, samplesDecoded }: FLACDecodedAudio) => {
      count += samplesDecoded;
      return channelData.map((samples) => rescale(samples, bits));
    };
    for (let at = 0; at < bytes.length; at += step) {
      yield scaled(await decoder.decode(bytes.subarray(at, at + step)));
    }
    yield scaled(await decoder.flush());
    // The parser drops a last frame that is short, or that a tag follows.
    if (count !== lastFrame.start) return;
    const frame = bytes.subarray(lastFrame.at);
    yield scaled(await decoder.decodeFrames([frame]));
  } finally {
    decoder.free();
  }
}

/** Scales so that full scale is 2^(bits - 1), as in all other formats; the decoder divides by one less. */
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

/** Checks the samples against the MD5. Floats represent up to 24 bits exactly. */
async function* checked(
  pieces: AsyncIterable<AudioPiece>,
  { md5, bits, samples }: FlacInfo,
): AsyncGenerator<AudioPiece> {
  const hash = createHash("md5");
  let count = 0;
  for await (const piece of pieces) {
    count += piece[0]?.length ?? 0;
    hash.update(interleave(piece, bits));
    yield piece;
  }
  // Missing samples are reported by their number.
  if (/^0*$/.test(md5) || bits > 24 || count < samples) return;
  const digest = hash.digest("hex");
  if (digest === md5) return;
  throw refusal(`its samples must have the MD5 ${md5}`, digest);
}

/** Converts samples to interleaved little-endian integers, as the MD5 is computed from. */
function interleave(channels: AudioPiece, bits: number): Uint8Array {
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

/**
 * Finds the last frame.
 *
 * @param declared The number in STREAMINFO, which the frame must have; 0 for any.
 */
function findLastFrame(
  tail: Uint8Array,
  blockSamples: number,
  declared: number,
): Frame | undefined {
  for (
    let at = tail.lastIndexOf(0xff);
    at >= 0;
    at = at > 0 ? tail.lastIndexOf(0xff, at - 1) : -1
  ) {
    const frame = frameAt(tail, at, blockSamples);
    if (frame && (declared === 0 || frame.end === declared)) return frame;
  }
  return undefined;
}

/** CRC-8 with the polynomial 0x07. */
const CRC8 = Uint8Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x80 ? 0x107 : 0);
  return crc;
});

/** Returns the samples of the frame whose header begins here, if its checksum is valid (RFC 9639 §9.1). */
function frameAt(
  tail: Uint8Array,
  at: number,
  blockSamples: number,
): Frame | undefined {
  const byte = (i: number) => tail[at + i] ?? 0;
  if (byte(0) !== 0xff || (byte(1) & 0xfe) !== 0xf8) return undefined;
  const [sizeCode, rateCode] = [byte(2) >> 4, byte(2) & 15];
  // The number of the frame or of its first sample, encoded like a character in UTF-8.
  const ones = Math.clz32(~(byte(4) << 24));
  const length = Math.max(1, ones);
  let number = ones === 0 ? byte(4) : byte(4) & 0x7f >> ones;
  for (let i = 1; i < length; i++) number = number * 64 + (byte(4 + i) & 63);
  let next = 4 + length;
  let samples = sizeCode === 1
    ? 192
    : sizeCode < 6
    ? 576 << sizeCode - 2
    : 256 << sizeCode - 8;
  if (sizeCode === 6) samples = byte(next++) + 1;
  if (sizeCode === 7) samples = (byte(next++) << 8 | byte(next++)) + 1;
  next += rateCode === 12 ? 1 : rateCode === 13 || rateCode === 14 ? 2 : 0;
  let crc = 0;
  for (let i = 0; i <= next; i++) crc = CRC8[crc ^ byte(i)]!;
  if (crc !== 0 || sizeCode === 0 || at + next >= tail.length) return undefined;
  const numbersSamples = (byte(1) & 1) !== 0;
  const start = number * (numbersSamples ? 1 : blockSamples);
  return { at, start, end: start + samples };
}
