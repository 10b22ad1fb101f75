import { inspectFlac } from "./flac.ts";
import {
  type AudioFile,
  type AudioInfo,
  type AudioPiece,
  type DecodedAudio,
  FILE_TYPES,
  refusal,
  requireUsable,
  type SampleRange,
  toAudioError,
} from "./format.ts";
import { inspectMp3 } from "./mp3.ts";
import { inspectOgg } from "./ogg.ts";
import { downmix, joinSamples, toPcm16 } from "./pcm.ts";
import { Resampler } from "./resample.ts";
import {
  type AudioBytes,
  type AudioSource,
  bytesFrom,
  bytesOf,
} from "./source.ts";
import { inspectWav, readWavSamples, wavSamples } from "./wav.ts";

/** Reads the headers of a file of one container. */
type Inspect = (bytes: AudioBytes) => Promise<AudioFile>;

/** First bytes of files; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [string, Inspect])[] = [
  ["RIFF....WAVE", inspectWav],
  ["RF64....WAVE", inspectWav],
  ["BW64....WAVE", inspectWav],
  ["fLaC", inspectFlac],
  ["OggS", inspectOgg],
];

/** First bytes of other files that users try. */
const OTHERS: readonly (readonly [string, string])[] = [
  ["....ftyp", "MP4 or M4A"],
  ["\x1aE\xdf\xa3", "WebM or Matroska"],
  ["FORM....AIF", "AIFF"],
  ["RIFX", "big-endian WAV"],
  ["RIFF....AVI", "AVI"],
  ["caff", "CAF"],
  ["\\.snd", "AU"],
  ["#!AMR", "AMR"],
  ["MThd", "MIDI"],
  ["0&\xb2u", "WMA"],
  ["%PDF", "PDF"],
  ["PK\x03\x04", "a ZIP archive"],
  ["\x1f\x8b", "gzip"],
  ["\xff\xf1", "AAC (ADTS)"],
  ["\xff\xf9", "AAC (ADTS)"],
];

/**
 * Reads the properties of an audio file from its headers (for MP3 without a Xing or VBRI tag, from the headers of all
 * frames). Checks that the file is as long as its container declares, as far as that is possible without decoding.
 *
 * @throws {AudioError} If the file cannot be read, is not audio, empty, truncated, or shorter than 1 ms.
 */
export async function inspectAudio(source: AudioSource): Promise<AudioInfo> {
  return (await inspectFile(source)).info;
}

/** An audio file in a source. */
export interface InspectedFile {
  readonly info: AudioInfo;
  /** Samples of each channel. */
  readonly samples: number;
  /** Bytes of the file, with tags. */
  readonly size: number;
}

/** Inspects an audio file. */
export async function inspectFile(source: AudioSource): Promise<InspectedFile> {
  return await readFrom(source, async ({ inspect, audio, size }) => {
    const file = await inspect(audio);
    const { format, sampleRateHz, channels, samples } = file;
    const durationMs = requireUsable(file);
    const [mediaType] = FILE_TYPES[format];
    const info = { format, mediaType, sampleRateHz, channels, durationMs };
    return { info, samples, size };
  });
}

/** Reads a range of a WAV file: its encoded samples, without the rest. */
export async function readWav(source: AudioSource, range: SampleRange) {
  return await readFrom(source, ({ audio }) => readWavSamples(audio, range));
}

async function readFrom<T>(
  source: AudioSource,
  read: (found: FoundAudio) => Promise<T>,
): Promise<T> {
  await using bytes = await source.open();
  try {
    return await read(await findAudio(bytes));
  } catch (cause) {
    throw toAudioError(source.name, cause);
  }
}

/** Audio to decode. Plain data, so that it can be sent to a worker. */
export interface DecodeJob {
  /** The name of the audio in errors. */
  readonly name: string;
  /** The whole file, or the needed samples of a WAV file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The body of the fmt chunk, if the bytes are samples of a WAV file. */
  readonly fmt?: Uint8Array<ArrayBuffer>;
  /** Samples of the file to decode. @default {all} */
  readonly range?: SampleRange;
  /** Rate of the result. */
  readonly sampleRateHz: number;
}

/** Audio in memory whose headers have been read. */
interface OpenedAudio {
  readonly name: string;
  readonly file: AudioFile;
  /** The bytes without tags before the audio. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly range: SampleRange;
}

/**
 * Opens audio in memory, to decode it piece by piece in this thread.
 *
 * @throws {AudioError} If it is not audio, empty or truncated.
 */
export async function openAudio(
  { name, bytes: given, fmt, range }: Omit<DecodeJob, "sampleRateHz">,
): Promise<OpenedAudio> {
  try {
    const { file, bytes } = fmt
      ? { file: wavSamples(fmt, given.length), bytes: given }
      : await openFile(given);
    return {
      name,
      file,
      bytes,
      range: range ?? { start: 0, end: file.samples },
    };
  } catch (cause) {
    throw toAudioError(name, cause);
  }
}

async function openFile(given: Uint8Array<ArrayBuffer>) {
  const { inspect, at } = await findAudio(bytesOf(given));
  const bytes = given.subarray(at);
  const file = await inspect(bytesOf(bytes));
  requireUsable(file);
  return { file, bytes };
}

/**
 * Decodes the range. If it ends with the file, all samples are decoded and counted, as decoders skip damaged frames
 * silently.
 *
 * @throws {AudioError} If the file is corrupt, or there are fewer samples than its header declares.
 */
export async function* decodePieces(
  { name, file, bytes, range: { start, end } }: OpenedAudio,
): AsyncGenerator<AudioPiece> {
  const { samples, channels, tolerance = 0 } = file;
  let at = 0;
  try {
    for await (const piece of file.decode(bytes, end)) {
      const length = piece[0]?.length ?? 0;
      const from = Math.max(0, start - at);
      const to = Math.min(length, end - at);
      if (from < to) {
        yield piece.slice(0, channels).map((each) => each.subarray(from, to));
      }
      at += length;
      if (at >= end && end < samples) return;
    }
    if (samples - at > tolerance) {
      const rule = `must have ${samples} samples, as its header declares`;
      throw refusal(rule, `truncated or corrupt, with ${at}`);
    }
  } catch (cause) {
    throw toAudioError(name, cause);
  }
  const missing = end - Math.max(start, at);
  if (missing <= 0) return;
  yield Array.from({ length: channels }, () => new Float32Array(missing));
}

/**
 * Decodes a whole audio file in this thread.
 *
 * @param name The name of the audio in errors.
 * @throws {AudioError} If the file is not audio, empty, truncated or corrupt.
 */
export async function decodeAudio(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const audio = await openAudio({ bytes, name });
  const { sampleRateHz, channels: length } = audio.file;
  // Joined afterwards: a header may declare far more samples than the file has.
  const pieces = await Array.fromAsync(decodePieces(audio));
  const channels = Array.from(
    { length },
    (_, channel) => joinSamples(pieces.map((piece) => piece[channel]!)),
  );
  return { sampleRateHz, channels };
}

/** Decodes, mixes to mono, resamples and converts piece by piece, so that only the file and the result are in memory. */
export async function decodePcm16(
  job: DecodeJob,
): Promise<Int16Array<ArrayBuffer>> {
  const audio = await openAudio(job);
  const { file: { sampleRateHz }, range: { start, end } } = audio;
  const resampler = new Resampler(sampleRateHz, job.sampleRateHz, end - start);
  const pcm16 = new Int16Array(resampler.samples);
  let at = 0;
  for await (const piece of decodePieces(audio)) {
    for (const samples of resampler.push(downmix(piece))) {
      pcm16.set(toPcm16(samples), at);
      at += samples.length;
    }
  }
  return pcm16;
}

/** The audio in a file. */
interface FoundAudio {
  readonly inspect: Inspect;
  /** Offset of the audio. */
  readonly at: number;
  /** The file from this offset on. */
  readonly audio: AudioBytes;
  /** Bytes of the file, with tags. */
  readonly size: number;
}

/** Bytes read at once from the start of a file: enough for most headers. */
const HEAD_BYTES = 4096;

/** Maximum number of tags at the start that are skipped. */
const MAX_TAGS = 16;

/**
 * Identifies a file by its content, after the ID3v2 tags that it may begin with: they occur before FLAC, Ogg and WAV too.
 *
 * @throws {FormatError} If the format is not supported.
 */
async function findAudio(bytes: AudioBytes): Promise<FoundAudio> {
  let at = 0;
  let head = await bytes.read(0, HEAD_BYTES);
  if (head.length === 0) throw refusal("audio must not be empty", "0 bytes");
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    const size = tagBytes(head);
    if (size === 0) break;
    at += size;
    head = await bytes.read(at, at + HEAD_BYTES);
  }
  const isTagged = at > 0;
  // The padding of a tag may not be counted in its size.
  const zeros = isTagged ? head.findIndex((byte) => byte !== 0) : 0;
  if (zeros > 0) {
    at += zeros;
    head = await bytes.read(at, at + HEAD_BYTES);
  }
  return {
    inspect: identify(head, isTagged),
    at,
    audio: bytesFrom(bytes, at, head),
    size: bytes.size,
  };
}

/** Returns the length of the ID3v2 tag that begins here; 0 without one. */
function tagBytes(head: Uint8Array): number {
  const isTag = String.fromCharCode(...head.subarray(0, 3)) === "ID3";
  if (!isTag || head.length < 10) return 0;
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + byte, 0);
  return 10 + size + ((head[5]! & 0x10) !== 0 ? 10 : 0);
}

function identify(head: Uint8Array, isTagged: boolean): Inspect {
  const start = String.fromCharCode(...head.subarray(0, 12));
  const begins = ([signature]: readonly [string, unknown]) =>
    new RegExp(`^${signature}`, "s").test(start);
  const known = SIGNATURES.find(begins);
  if (known) return known[1];
  const other = OTHERS.find(begins);
  // Junk may follow a tag before the first frame.
  if (!other && (isTagged || isMpegFrame(head))) return inspectMp3;
  const shown = JSON.stringify(start.replaceAll(/[^\x20-\x7e]/g, "?"));
  throw refusal(
    "audio must be WAV, FLAC, MP3, Ogg Opus or Ogg Vorbis",
    other?.[1] ?? `an unknown format (it begins with ${shown})`,
  );
}

/** Whether MPEG audio of layer III begins here. */
function isMpegFrame(head: Uint8Array): boolean {
  return head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2;
}
