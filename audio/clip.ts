import type { ByteBudget } from "./budget.ts";
import type { DecodePool } from "./decode_pool.ts";
import { encodeWav } from "./encode_wav.ts";
import { AudioError } from "./errors.ts";
import { type AudioFormat, type AudioInfo, requireUsable } from "./info.ts";
import { inspectFile } from "./inspect.ts";
import type { limit } from "./limit.ts";
import { findAudio } from "./sniff.ts";
import { type AudioSource, bytesFrom } from "./source.ts";
import type { SampleRange } from "./stream.ts";
import { readWavSamples, type WavSamples } from "./wav.ts";

/** One utterance, decoded on demand. */
export interface AudioClip {
  /** The source's id, or that of a part: stands for the audio in samples and reports. */
  readonly id: string;
  /** Length, in milliseconds. */
  readonly durationMs: number;
  /**
   * The file as it is, for uploads; of a part of it, a mono 16-bit WAV of that part.
   *
   * @throws {AudioError} where the file cannot be read, or what is cut cannot be decoded
   */
  file(): Promise<
    { bytes: Uint8Array<ArrayBuffer>; mediaType: string; name: string }
  >;
  /**
   * Mono PCM16 at `sampleRateHz`, shape `[samples]`. Decoded anew for each request, but requests for
   * one rate at one time share a decode and its array: leave that as it is.
   *
   * @throws {AudioError} where the file is truncated or corrupt in a way that headers do not tell, or the clip is
   * too long to be decoded
   * @throws {RangeError} where the rate is no whole number from 1
   */
  pcm16(sampleRateHz: number): Promise<Int16Array<ArrayBuffer>>;
  /**
   * A part of the clip as a clip of its own. Both ends are rounded to whole samples, so that parts that follow each
   * other share none and leave none out.
   *
   * @throws {RangeError} where the part does not lie in the clip, or holds no sample
   * @throws {AudioError} where it is shorter than 1 ms
   */
  part(span: ClipSpan): AudioClip;
}

/** A part of a clip. */
export interface ClipSpan {
  /**
   * Where it begins, in milliseconds.
   *
   * @default 0
   */
  readonly startMs?: number;
  /**
   * Where it ends, in milliseconds.
   *
   * @default the clip's end
   */
  readonly endMs?: number;
  /**
   * Stands for the part in samples and reports.
   *
   * @default the clip's id with `#t=START,END`, in seconds
   */
  readonly id?: string;
}

/** What clips are made with. */
interface Making {
  /** Keeps the number of open sources down. */
  readonly limited: ReturnType<typeof limit>;
  /** Keeps down what is held of files and of decoded audio. */
  readonly budget: ByteBudget;
  readonly pool: DecodePool;
}

/** A file whose headers have been read. */
interface OpenedFile extends Making {
  readonly source: AudioSource;
  readonly info: AudioInfo;
  /** Samples of each channel. */
  readonly samples: number;
  /** Bytes of the file. */
  readonly size: number;
}

/** Most that one clip may take when it is decoded: 2 h 19 min at 16 kHz. */
const MAX_PCM_BYTES = 2 ** 28;

/** Most that is read of a file to decode it: of WAV what is decoded, of others all. */
const MAX_FILE_BYTES = 2 ** 30;

const EXTENSIONS: Readonly<Record<AudioFormat, string>> = {
  wav: "wav",
  flac: "flac",
  mp3: "mp3",
  opus: "ogg",
  vorbis: "ogg",
};

/** A clip of a source, of which the headers are read now. */
export async function openClip(
  source: AudioSource,
  making: Making,
): Promise<AudioClip> {
  const { info, size } = await making.limited(() => inspectFile(source));
  const samples = Math.round(info.durationMs / 1000 * info.sampleRateHz);
  const file = { ...making, source, info, samples, size };
  return clipOf(file, source.id, { start: 0, end: samples });
}

function clipOf(file: OpenedFile, id: string, range: SampleRange): AudioClip {
  const { source, info, limited } = file;
  const { sampleRateHz } = info;
  const { start, end } = range;
  const durationMs = (end - start) / sampleRateHz * 1000;
  const isWhole = start === 0 && end === file.samples;
  const pcm16 = shared((rateHz) => decode(file, range, rateHz));
  return {
    id,
    durationMs,
    pcm16,
    file: async () =>
      isWhole
        ? wholeFile(source, info, await limited(() => readAll(source)))
        : cutFile(source, info, await pcm16(sampleRateHz)),
    part({ startMs = 0, endMs, id: own }) {
      const sampleAt = (ms: number) =>
        start + Math.round(ms / 1000 * sampleRateHz);
      const part = {
        start: sampleAt(startMs),
        end: endMs === undefined ? end : sampleAt(endMs),
      };
      if (!(part.start >= start && part.start < part.end && part.end <= end)) {
        throw new RangeError(
          `${source.name}: a part must lie within the ${durationMs} ms of the clip, but was ${startMs} to ${
            endMs ?? durationMs
          } ms`,
        );
      }
      const length = part.end - part.start;
      requireUsable(source.name, { ...info, samples: length });
      const seconds = [startMs, endMs ?? durationMs].map((ms) =>
        Number((ms / 1000).toFixed(6))
      );
      return clipOf(file, own ?? `${id}#t=${seconds}`, part);
    },
  };
}

/** Reads no more of a WAV file than what is decoded; other files whole. */
async function decode(
  file: OpenedFile,
  range: SampleRange,
  rateHz: number,
): Promise<Int16Array<ArrayBuffer>> {
  const { source, info, limited, budget, pool, samples, size } = file;
  const { name } = source;
  const count = range.end - range.start;
  const pcmBytes = 2 * Math.ceil(count * rateHz / info.sampleRateHz);
  const isWav = info.format === "wav";
  const fileBytes = isWav ? Math.ceil(size * count / samples) : size;
  requireRoom(file, { count, pcmBytes, fileBytes, rateHz });
  return await budget.run(fileBytes + pcmBytes, async () => {
    const job = { name, sampleRateHz: rateHz };
    if (isWav) {
      const { fmt, data } = await limited(() => readWav(source, range));
      return await pool.run({ ...job, fmt, bytes: data });
    }
    const bytes = await limited(() => readAll(source));
    return await pool.run({ ...job, bytes, range });
  });
}

function requireRoom(
  { source: { name }, info: { sampleRateHz } }: OpenedFile,
  { count, pcmBytes, fileBytes, rateHz }: {
    readonly count: number;
    readonly pcmBytes: number;
    readonly fileBytes: number;
    readonly rateHz: number;
  },
): void {
  if (pcmBytes > MAX_PCM_BYTES) {
    const seconds = Math.floor(MAX_PCM_BYTES / 2 / rateHz);
    throw new AudioError(
      `maxSeconds: must be at most ${seconds} to decode ${name} at ${rateHz} Hz (${
        mebibytes(MAX_PCM_BYTES)
      } of samples), but the clip lasts ${Math.round(count / sampleRateHz)} s`,
    );
  }
  if (fileBytes > MAX_FILE_BYTES) {
    throw new AudioError(
      `${name}: no more than ${
        mebibytes(MAX_FILE_BYTES)
      } of a file are read to decode it, but the clip takes ${
        mebibytes(fileBytes)
      }: split the file, or cut WAV with maxSeconds`,
    );
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function wholeFile(
  { name }: AudioSource,
  { format, mediaType }: AudioInfo,
  bytes: Uint8Array<ArrayBuffer>,
) {
  const fileName = withExtension(baseName(name), EXTENSIONS[format]);
  return { bytes, mediaType, name: fileName };
}

function cutFile(
  { name }: AudioSource,
  { sampleRateHz }: AudioInfo,
  pcm16: Int16Array<ArrayBuffer>,
) {
  return {
    bytes: encodeWav(pcm16, sampleRateHz),
    mediaType: "audio/wav",
    name: `${baseName(name).replace(/\.[^.]*$/, "")}.wav`,
  };
}

/** Lets those who ask for the same rate while it is being decoded have the same answer. */
function shared<T>(
  decode: (sampleRateHz: number) => Promise<T>,
): (sampleRateHz: number) => Promise<T> {
  const running = new Map<number, Promise<T>>();
  return (sampleRateHz) => {
    const known = running.get(sampleRateHz);
    if (known !== undefined) return known;
    const promise = Promise.try(requireRate, sampleRateHz).then(decode)
      .finally(() => running.delete(sampleRateHz));
    running.set(sampleRateHz, promise);
    return promise;
  };
}

async function readAll(source: AudioSource): Promise<Uint8Array<ArrayBuffer>> {
  await using bytes = await source.open();
  return await bytes.read(0, bytes.size);
}

async function readWav(
  source: AudioSource,
  range: SampleRange,
): Promise<WavSamples> {
  await using bytes = await source.open();
  const { at, head } = await findAudio(bytes, source.name);
  return await readWavSamples(bytesFrom(bytes, at, head), source.name, range);
}

function baseName(name: string): string {
  return name.replace(/[?#][^]*/, "").split(/[\\/]/).at(-1) || "audio";
}

function withExtension(name: string, extension: string): string {
  return /\.\w{2,5}$/.test(name) ? name : `${name}.${extension}`;
}

function requireRate(sampleRateHz: number): number {
  if (Number.isSafeInteger(sampleRateHz) && sampleRateHz >= 1) {
    return sampleRateHz;
  }
  const message =
    `Cannot decode audio as its rate must be a whole number of Hz from 1: current value is ${sampleRateHz}`;
  throw new RangeError(message);
}
