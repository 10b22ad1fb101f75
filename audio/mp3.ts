import {
  type AudioFile,
  type AudioPiece,
  FormatError,
  refusal,
  requireDecoded,
} from "./format.ts";
import type { AudioBytes } from "./source.ts";

/** A frame of MPEG audio, layer III, by its header (ISO/IEC 11172-3 §2.4.1.3, 13818-3). */
interface Frame {
  /** Bytes of the whole frame. */
  readonly bytes: number;
  /** Samples of each channel. */
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Bytes between the header and the data, after which encoders write their tag. */
  readonly sideBytes: number;
}

/** The tag that an encoder wrote into a first frame without audio (Xing, Info or VBRI). */
interface Tag {
  /** Number of frames after the tag. */
  readonly frames: number | undefined;
  /** Bytes of audio, with the tag's frame. */
  readonly bytes: number | undefined;
  /** Samples at both ends that are decoded but do not belong to the audio. */
  readonly padding: number;
}

/** Bytes that are searched for frames: between tags and the first one, and after the last one. */
const SEARCH_BYTES = 65_536;

/** Bytes that are fed to the decoder at once. */
const FEED_BYTES = 65_536;

/** Bytes of frames that are read at once. */
const WALK_BYTES = 2 ** 18;

/**
 * Frames that may follow the ones that a tag counts: some encoders count the tag's own frame, or leave out the last one.
 */
const UNCOUNTED_FRAMES = 2;

/**
 * Reads the tag in the first frame. Without a tag, the headers of all frames are read; a file without a tag that was cut
 * between two frames is not recognized as truncated.
 */
export async function inspectMp3(bytes: AudioBytes): Promise<AudioFile> {
  const { at: start, frame, tag } = await findStart(bytes);
  const { frames, end } = tag?.frames === undefined || tag.bytes === undefined
    ? await countFrames(bytes, start, frame)
    : { frames: tag.frames, end: start + tag.bytes };
  if (end > bytes.size) {
    const rule = `must have ${end - start} bytes of audio`;
    throw refusal(rule, `truncated, with ${bytes.size - start}`);
  }
  await requireNoFrames(bytes, end, frame);
  return {
    format: "mp3",
    sampleRateHz: frame.sampleRateHz,
    channels: frame.channels,
    samples: frames * frame.samples - (tag?.padding ?? 0),
    // The decoder may keep the last samples.
    tolerance: frame.samples - 1,
    decode: (bytes) => decode(bytes.subarray(start, end)),
  };
}

async function* decode(
  bytes: Uint8Array<ArrayBuffer>,
): AsyncGenerator<AudioPiece> {
  const { MPEGDecoder } = await import("mpg123-decoder");
  const decoder = new MPEGDecoder();
  await decoder.ready;
  try {
    for (let at = 0; at < bytes.length; at += FEED_BYTES) {
      yield requireDecoded(
        decoder.decode(bytes.subarray(at, at + FEED_BYTES)),
      );
    }
  } finally {
    decoder.free();
  }
}

async function findStart(bytes: AudioBytes) {
  const head = await bytes.read(0, SEARCH_BYTES);
  for (let at = 0; at < head.length; at++) {
    const frame = frameAt(head, at);
    if (!frame) continue;
    // A header is only four bytes, which may be there by chance: another one must follow its frame.
    const isLast = at + frame.bytes + 4 > head.length;
    if (!isLast && !nextFrame(head, at + frame.bytes, frame)) continue;
    return { at, frame, tag: tagAt(head, at, frame) };
  }
  const rule = "MP3 must contain a frame of MPEG audio, layer III";
  throw refusal(rule, `without one in the first ${head.length} bytes`);
}

/** Counts the frames of a file without a tag, by their headers. */
async function countFrames(
  bytes: AudioBytes,
  start: number,
  first: Frame,
): Promise<{ frames: number; end: number }> {
  let frames = 0;
  let at = start;
  let window = new Uint8Array();
  let from = at;
  for (;;) {
    if (at + 4 > from + window.length) {
      window = await bytes.read(at, at + WALK_BYTES);
      from = at;
    }
    const frame = nextFrame(window, at - from, first);
    if (!frame) return { frames, end: at };
    if (at + frame.bytes > bytes.size) {
      const rule = `frame ${frames} must have ${frame.bytes} bytes`;
      throw refusal(rule, `truncated, with ${bytes.size - at}`);
    }
    at += frame.bytes;
    frames++;
  }
}

/** Tags and junk may follow the audio, but no more frames: they would not be measured. */
async function requireNoFrames(
  bytes: AudioBytes,
  end: number,
  first: Frame,
): Promise<void> {
  const tail = await bytes.read(end, end + SEARCH_BYTES);
  let start = 0;
  for (let i = 0; i < UNCOUNTED_FRAMES; i++) {
    start += nextFrame(tail, start, first)?.bytes ?? 0;
  }
  for (let at = start; at < tail.length; at++) {
    const frame = nextFrame(tail, at, first);
    if (!frame || !nextFrame(tail, at + frame.bytes, first)) continue;
    throw new FormatError(
      `an MP3 file must contain one recording, but more frames follow at byte ${
        end + at
      }, after the end at byte ${end} (corrupt, or several files in one)`,
    );
  }
}

/** Bit rates in kbit/s by index, for MPEG 1 and for MPEG 2 and 2.5. */
const KBITS_1 = "0 32 40 48 56 64 80 96 112 128 160 192 224 256 320"
  .split(" ").map(Number);
const KBITS_2 = "0 8 16 24 32 40 48 56 64 80 96 112 128 144 160"
  .split(" ").map(Number);

/** Sample rates in Hz by index, for MPEG 1; MPEG 2 has half of them, 2.5 a quarter. */
const RATES = [44_100, 48_000, 32_000];

/** Divisors of the sample rate by the two bits of the version; 0 for the reserved version, bits 01. */
const RATE_DIVISORS = [4, 0, 2, 1] as const;

/** Parses the frame header at `at`; undefined if there is no header. */
function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  if (bytes[at] !== 0xff || bytes.length < at + 4) return undefined;
  const [, versionAndLayer, rates, mode] = bytes.subarray(at, at + 4);
  if ((versionAndLayer! & 0xe6) !== 0xe2) return undefined;
  const divisor = RATE_DIVISORS[versionAndLayer! >> 3 & 3]!;
  const kbits = (divisor === 1 ? KBITS_1 : KBITS_2)[rates! >> 4] ?? 0;
  const rate = RATES[rates! >> 2 & 3];
  if (divisor === 0 || kbits === 0 || rate === undefined) return undefined;
  const sampleRateHz = rate / divisor;
  const samples = divisor === 1 ? 1152 : 576;
  const channels = mode! >> 6 === 3 ? 1 : 2;
  return {
    bytes: Math.floor(samples / 8 * kbits * 1000 / sampleRateHz) +
      (rates! >> 1 & 1),
    samples,
    sampleRateHz,
    channels,
    sideBytes: divisor === 1
      ? (channels === 1 ? 17 : 32)
      : (channels === 1 ? 9 : 17),
  };
}

/** Parses the frame header at `at`; undefined if there is no header that belongs to the same stream. */
function nextFrame(
  bytes: Uint8Array,
  at: number,
  { sampleRateHz, samples }: Frame,
): Frame | undefined {
  const frame = frameAt(bytes, at);
  const isSame = frame?.sampleRateHz === sampleRateHz &&
    frame.samples === samples;
  return isSame ? frame : undefined;
}

/** Offset of the delay and padding in LAME's extension of a tag. */
const DELAY_AT = 21;

/** Parses the tag in the frame at `at`. */
function tagAt(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  frame: Frame,
): Tag | undefined {
  const page = bytes.subarray(at, at + frame.bytes);
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const text = (at: number) =>
    String.fromCharCode(...page.subarray(at, at + 4));
  if (text(36) === "VBRI" && page.length >= 54) {
    return {
      bytes: view.getUint32(46),
      frames: view.getUint32(50),
      padding: 0,
    };
  }
  const start = 4 + frame.sideBytes;
  if (!/^(Xing|Info)$/.test(text(start)) || page.length < start + 120) {
    return undefined;
  }
  const flags = view.getUint32(start + 4);
  let next = start + 8;
  const field = (flag: number, size: number) => {
    if ((flags & flag) === 0) return undefined;
    next += size;
    return view.getUint32(next - size);
  };
  const [frames, size] = [field(1, 4), field(2, 4)];
  field(4, 100);
  field(8, 4);
  const hasDelay = page.length >= next + DELAY_AT + 4;
  const packed = hasDelay ? view.getUint32(next + DELAY_AT) >>> 8 : 0;
  return { frames, bytes: size, padding: (packed >> 12) + (packed & 0xfff) };
}
