import { type InspectedFile, inspectFile, readWav } from "./decode.ts";
import type { DecodePool } from "./decode_pool.ts";
import {
  AudioError,
  FILE_TYPES,
  requireUsable,
  type SampleRange,
  toAudioError,
} from "./format.ts";
import { requireRate } from "./pcm.ts";
import type { AudioSource } from "./source.ts";
import { encodeWav } from "./wav_samples.ts";

/** One utterance, decoded on demand. */
export interface AudioClip {
  /** The id in samples and reports: the source's, or that of a part. */
  readonly id: string;
  /** Length, in milliseconds. */
  readonly durationMs: number;
  /**
   * Returns the file as it is, for uploads. Of a part, returns a mono 16-bit WAV file.
   *
   * @throws {AudioError} If the file cannot be read, or the part cannot be decoded.
   */
  file(): Promise<
    { bytes: Uint8Array<ArrayBuffer>; mediaType: string; name: string }
  >;
  /**
   * Returns mono PCM16 at `sampleRateHz`, shape `[samples]`. Each call decodes again, but simultaneous calls for the same
   * rate share an array, which must not be changed.
   *
   * @throws {AudioError} If the file is truncated or corrupt, or the clip is too long to be decoded.
   * @throws {RangeError} If the rate is not a whole number from 1.
   */
  pcm16(sampleRateHz: number): Promise<Int16Array<ArrayBuffer>>;
  /**
   * Returns a part of the clip. Both ends are rounded to whole samples, so that consecutive parts neither overlap nor
   * leave out samples.
   *
   * @throws {RangeError} If the part is not within the clip, or has no samples.
   * @throws {AudioError} If it is shorter than 1 ms.
   */
  part(span: ClipSpan): AudioClip;
}

/** A part of a clip. */
export interface ClipSpan {
  /**
   * Start of the part, in milliseconds.
   *
   * @default 0
   */
  readonly startMs?: number;
  /**
   * End of the part, in milliseconds.
   *
   * @default the clip's end
   */
  readonly endMs?: number;
  /**
   * The part's id in samples and reports.
   *
   * @default the clip's id with `#t=START,END`, in seconds
   */
  readonly id?: string;
}

/** A file whose headers have been read. */
interface OpenedFile extends InspectedFile {
  readonly source: AudioSource;
  readonly pool: DecodePool;
}

/** Maximum size of a decoded clip: 2 h 19 min at 16 kHz. */
const MAX_PCM_BYTES = 2 ** 28;

/** Maximum number of bytes that are read to decode a clip: of WAV the needed part, of other formats the whole file. */
const MAX_FILE_BYTES = 2 ** 30;

/** Opens a clip. Its headers are read now. */
export async function openClip(
  source: AudioSource,
  pool: DecodePool,
): Promise<AudioClip> {
  const found = await pool.read(() => inspectFile(source));
  const all = { start: 0, end: found.samples };
  return clipOf({ ...found, source, pool }, source.id, all);
}

function clipOf(file: OpenedFile, id: string, range: SampleRange): AudioClip {
  const { source: { name }, info } = file;
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
      isWhole ? await wholeFile(file) : {
        bytes: encodeWav(await pcm16(sampleRateHz), sampleRateHz),
        mediaType: "audio/wav",
        name: `${baseName(name).replace(/\.[^.]*$/, "")}.wav`,
      },
    part({ startMs = 0, endMs = durationMs, id: own }) {
      const sampleAt = (ms: number) =>
        start + Math.round(ms / 1000 * sampleRateHz);
      const part = { start: sampleAt(startMs), end: sampleAt(endMs) };
      if (!(part.start >= start && part.start < part.end && part.end <= end)) {
        throw new RangeError(
          `${name}: a part must be within the ${durationMs} ms of the clip, but was ${startMs} to ${endMs} ms`,
        );
      }
      try {
        requireUsable({ ...info, samples: part.end - part.start });
      } catch (cause) {
        throw toAudioError(name, cause);
      }
      const seconds = [startMs, endMs].map((ms) =>
        Number((ms / 1000).toFixed(6))
      );
      return clipOf(file, own ?? `${id}#t=${seconds}`, part);
    },
  };
}

/** Decodes a range. Only the needed part of a WAV file is read; other files are read whole. */
async function decode(
  file: OpenedFile,
  range: SampleRange,
  rateHz: number,
): Promise<Int16Array<ArrayBuffer>> {
  const { source, info, pool, samples, size } = file;
  const { name } = source;
  const count = range.end - range.start;
  const pcmBytes = 2 * Math.ceil(count * rateHz / info.sampleRateHz);
  const isWav = info.format === "wav";
  const fileBytes = isWav ? Math.ceil(size * count / samples) : size;
  if (pcmBytes > MAX_PCM_BYTES) {
    const limit = Math.floor(MAX_PCM_BYTES / 2 / rateHz);
    const seconds = Math.round(count / info.sampleRateHz);
    throw new AudioError(
      `maxSeconds: must be at most ${limit} to decode ${name} at ${rateHz} Hz (256 MiB of samples), but the clip lasts ${seconds} s`,
    );
  }
  if (fileBytes > MAX_FILE_BYTES) {
    const needed = Math.ceil(fileBytes / 2 ** 20);
    throw new AudioError(
      `${name}: at most 1024 MiB of a file can be read to decode it, but the clip needs ${needed} MiB: split the file, or cut WAV with maxSeconds`,
    );
  }
  return await pool.allocate(fileBytes + pcmBytes, async () => {
    const data = await pool.read(async () =>
      isWav
        ? await readWav(source, range)
        : { bytes: await readAll(source), range }
    );
    return await pool.run({ name, sampleRateHz: rateHz, ...data });
  });
}

async function wholeFile(
  { source, info: { format, mediaType }, pool }: OpenedFile,
): ReturnType<AudioClip["file"]> {
  const name = baseName(source.name);
  return {
    bytes: await pool.read(() => readAll(source)),
    mediaType,
    name: /\.\w{2,5}$/.test(name) ? name : `${name}.${FILE_TYPES[format][1]}`,
  };
}

/** Shares the result between simultaneous calls for the same rate. */
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

function baseName(name: string): string {
  return name.replace(/[?#][^]*/, "").split(/[\\/]/).at(-1) || "audio";
}
