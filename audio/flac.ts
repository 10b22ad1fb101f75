import { createHash } from "node:crypto";
import { refusal } from "./errors.ts";
import {
  flacFrameAt,
  flacFrameEndBefore,
  flacFrameEnds,
  startsFlacFrame,
} from "./flac_frame.ts";
import { type AudioInfo, audioInfo } from "./info.ts";
import { loadDecoder } from "./load_decoder.ts";
import { type AudioBytes, bytesOf } from "./source.ts";
import {
  type AudioPiece,
  type AudioStream,
  partOf,
  PIECE_SAMPLES,
  type SampleRange,
} from "./stream.ts";

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

/** The samples of a FLAC file, held against the digest that the encoder left where all of them are decoded. */
export async function openFlac(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<AudioStream> {
  const info = await streamInfo(bytesOf(bytes), name);
  const end = await endOf(bytesOf(bytes), info, name);
  const { sampleRateHz, channels } = info;
  return {
    sampleRateHz,
    channels,
    samples: end.samples,
    async *pieces(range) {
      const isWhole = range.start === 0 && range.end === end.samples;
      const digest = isWhole ? digestOf(info) : undefined;
      const batches = batchesOf(framesOf(bytes, { info, end, name }), range);
      for await (const piece of decoded(batches, bytes, { end, name })) {
        const scaled = piece.samples.map((each) => rescale(each, info.bits));
        digest?.update(scaled);
        const part = partOf(scaled, piece.first, range);
        if (part !== undefined) yield part;
      }
      digest?.hold(name);
    },
  };
}

/** A frame of the file; of the last one, it is not known where it ends. */
interface FrameSpan {
  readonly firstSample: number;
  readonly samples: number;
  readonly bytes: Uint8Array<ArrayBuffer> | "last";
}

/**
 * Frames one by one, by their own numbers and checksums. The decoder's parser is not asked: it drops
 * a last frame that is short or that a tag follows, and any frame that is damaged, without a word.
 */
function* framesOf(
  bytes: Uint8Array<ArrayBuffer>,
  { info, end, name }: { info: StreamInfo; end: StreamEnd; name: string },
): Generator<FrameSpan> {
  const { blockSamples } = info;
  let at = audioStart(bytes);
  let firstSample = 0;
  for (let count = 0; at < end.lastFrame; count++) {
    const frame = flacFrameAt(bytes, at, blockSamples);
    const samples = frame?.samples ?? 0;
    const next = firstSample + samples;
    const stop = frame &&
      flacFrameEndBefore(bytes, at, { next, blockSamples });
    if (stop === undefined) {
      throw refusal(name, `frame ${count} must be sound`, {
        is: `a corrupt one at byte ${at}`,
      });
    }
    yield { firstSample, samples, bytes: bytes.subarray(at, stop) };
    at = stop;
    firstSample = next;
  }
  yield { firstSample, samples: end.samples - firstSample, bytes: "last" };
}

/** Frames that are decoded at once. */
interface Batch {
  readonly firstSample: number;
  readonly samples: number;
  readonly frames: Uint8Array<ArrayBuffer>[];
  /** Whether the last frame follows them. */
  readonly isLast: boolean;
}

/** The frames that hold a range, a few at a time; those before it are not decoded, as each frame stands alone. */
function* batchesOf(
  frames: Iterable<FrameSpan>,
  { start, end }: SampleRange,
): Generator<Batch> {
  let firstSample = 0;
  let samples = 0;
  let batch: Uint8Array<ArrayBuffer>[] = [];
  for (const frame of frames) {
    if (frame.firstSample + frame.samples <= start) continue;
    if (frame.firstSample >= end) break;
    if (samples === 0) firstSample = frame.firstSample;
    samples += frame.samples;
    const isLast = frame.bytes === "last";
    if (frame.bytes !== "last") batch.push(frame.bytes);
    if (!isLast && samples < PIECE_SAMPLES) continue;
    yield { firstSample, samples, frames: batch, isLast };
    samples = 0;
    batch = [];
  }
  if (samples > 0) yield { firstSample, samples, frames: batch, isLast: false };
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

/** Decodes batches, each of which must hold as many samples as its frames say. */
async function* decoded(
  batches: Iterable<Batch>,
  bytes: Uint8Array<ArrayBuffer>,
  { end, name }: { end: StreamEnd; name: string },
): AsyncGenerator<{ first: number; samples: readonly Float32Array[] }> {
  const { FLACDecoder } = await loadDecoder(
    name,
    () => import("@wasm-audio-decoders/flac"),
  );
  const decoder = new FLACDecoder();
  await decoder.ready;
  try {
    for (const { firstSample: first, samples, frames, isLast } of batches) {
      let most = 0;
      let found: readonly Float32Array[] | undefined;
      // The last frame reaches up to the first of its ends with which it holds what it says.
      for (const stop of isLast ? end.ends : [0]) {
        const last = isLast ? [bytes.subarray(end.lastFrame, stop)] : [];
        const audio = await decoder.decodeFrames([...frames, ...last]);
        if (audio.samplesDecoded === samples) {
          found = audio.channelData;
          break;
        }
        most = Math.max(most, audio.samplesDecoded);
        await decoder.reset();
      }
      if (found === undefined) {
        throw refusal(name, `its frames must hold ${first + samples} samples`, {
          is: `${first + most} that are sound`,
        });
      }
      yield { first, samples: found };
    }
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
function digestOf({ md5, bits }: StreamInfo) {
  if (/^0*$/.test(md5) || bits > 24) return undefined;
  const hash = createHash("md5");
  return {
    update: (channels: AudioPiece) => hash.update(interleave(channels, bits)),
    hold(name: string): void {
      const digest = hash.digest("hex");
      if (digest === md5) return;
      throw refusal(name, `its samples must have the MD5 ${md5}`, {
        is: digest,
      });
    },
  };
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
