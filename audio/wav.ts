import {
  type AudioFile,
  type AudioPiece,
  FormatError,
  PIECE_SAMPLES,
  refusal,
  type SampleRange,
} from "./format.ts";
import type { AudioBytes } from "./source.ts";
import { READERS, type SampleReader } from "./wav_samples.ts";

/** A WAV file whose chunks have been read. */
interface WavFile extends AudioFile, WavFormat {
  /** Offset of the samples. */
  readonly dataStart: number;
}

/** The format of the samples, from the fmt chunk. */
interface WavFormat {
  readonly reader: SampleReader;
  readonly isFloat: boolean;
  readonly channels: number;
  readonly sampleRateHz: number;
  /** Bytes of one sample of every channel. */
  readonly frameBytes: number;
  /** The body of the fmt chunk. */
  readonly fmt: Uint8Array<ArrayBuffer>;
}

/** The longest fmt chunk: the extensible one. */
const FMT_BYTES = 40;

/** Maximum number of chunks before and after the data: real files have few. */
const MAX_CHUNKS = 1000;

/** Bytes after the data that are skipped if they belong to no chunk. */
const JUNK_BYTES = 4096;

/** Zeros after the data that are skipped: some recorders fill up the last block of a disk. */
const ZERO_BYTES = 65_536;

/** Reads the encoded samples of a range of a WAV file, without the rest. */
export async function readWavSamples(
  bytes: AudioBytes,
  { start, end }: SampleRange,
): Promise<{ fmt: Uint8Array<ArrayBuffer>; bytes: Uint8Array<ArrayBuffer> }> {
  const { dataStart, frameBytes, fmt } = await inspectWav(bytes);
  const size = (end - start) * frameBytes;
  const from = dataStart + start * frameBytes;
  const data = await bytes.read(from, from + size);
  requireAll(size, data.length);
  return { fmt, bytes: data };
}

/** Describes samples alone, as {@linkcode readWavSamples} returns them. */
export function wavSamples(
  fmt: Uint8Array<ArrayBuffer>,
  size: number,
): AudioFile {
  return wavFile(parseFormat(fmt), 0, size);
}

function wavFile(wav: WavFormat, dataStart: number, size: number): WavFile {
  const samples = Math.floor(size / wav.frameBytes);
  const step = Math.max(1, Math.floor(PIECE_SAMPLES / wav.channels));
  return {
    ...wav,
    format: "wav",
    samples,
    dataStart,
    async *decode(bytes) {
      const data = viewOf(bytes.subarray(dataStart, dataStart + size));
      for (let start = 0; start < samples; start += step) {
        const end = Math.min(samples, start + step);
        yield readSamples(data, wav, { start, end });
      }
    },
  };
}

function readSamples(
  data: DataView,
  { reader, isFloat, channels, frameBytes }: WavFormat,
  { start, end }: SampleRange,
): AudioPiece {
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(end - start);
    let at = start * frameBytes + channel * reader.bytes;
    for (let i = 0; i < samples.length; i++, at += frameBytes) {
      samples[i] = reader.read(data, at);
    }
    if (isFloat) requireFinite(samples, start);
    return samples;
  });
}

function requireFinite(samples: Float32Array, first: number): void {
  const at = samples.findIndex((sample) => !Number.isFinite(sample));
  if (at < 0) return;
  const found = `${samples[at]} (sample ${first + at})`;
  throw refusal("its samples must be finite numbers", found);
}

/** The header of a chunk. */
interface Chunk {
  readonly id: string;
  readonly size: number;
  /** Offset of its body. */
  readonly start: number;
}

/** Reads the chunks of a WAV file (RIFF, RF64 or BW64) up to `data`, and checks that no other audio follows. */
export async function inspectWav(bytes: AudioBytes): Promise<WavFile> {
  const riff = viewOf(await bytes.read(0, 12));
  const riffEnd = riff.byteLength < 8 ? 0 : riff.getUint32(4, true) + 8;
  let format: WavFormat | undefined;
  let longSize: number | undefined;
  let at = 12;
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const chunk = await chunkAt(bytes, at);
    if (chunk === undefined) break;
    const { id, start, size } = chunk;
    if (id === "fmt ") {
      const end = start + Math.min(size, FMT_BYTES);
      format = parseFormat(await bytes.read(start, end));
    } else if (id === "ds64") {
      const sizes = viewOf(await bytes.read(start, start + 16));
      longSize = sizes.byteLength < 16
        ? undefined
        : Number(sizes.getBigUint64(8, true));
    } else if (id === "data") {
      if (format === undefined) break;
      const sizes = { chunk, riffEnd, longSize };
      const data = { start, size: await dataBytes(bytes, sizes) };
      await requireNoMore(bytes, data);
      return wavFile(format, start, data.size);
    }
    at = await afterChunk(bytes, chunk);
  }
  const rule = format === undefined
    ? "a WAV file must have a fmt chunk before its data"
    : "a WAV file must have a data chunk";
  throw refusal(rule, `without one in ${bytes.size} bytes`);
}

async function chunkAt(
  bytes: AudioBytes,
  at: number,
): Promise<Chunk | undefined> {
  const header = await bytes.read(at, at + 8);
  if (header.length < 8) return undefined;
  const size = viewOf(header).getUint32(4, true);
  return { id: ascii(header), size, start: at + 8 };
}

/** Offset of the next chunk. A chunk of odd size is followed by a byte of padding, which some writers leave out. */
async function afterChunk(
  bytes: AudioBytes,
  { start, size }: Omit<Chunk, "id">,
): Promise<number> {
  const end = start + size;
  if (size % 2 === 0) return end;
  return isChunkId(ascii(await bytes.read(end, end + 4))) ? end : end + 1;
}

function isChunkId(id: string): boolean {
  return /^[\x20-\x7e]{4}$/.test(id);
}

/**
 * Whether a size is a placeholder of writers that cannot fill it in later: ffmpeg 0xFFFFFFFF, sox 0x7FFFF000, arecord
 * 0x80000000, others the same with or without the headers.
 */
function isPlaceholder(size: number): boolean {
  return size >= 0x7fff_f000 && size < 0x8000_1000 || size >= 0xffff_f000;
}

/** Whether a data size of 0 was never filled in: no other chunk follows, or the size of the file is missing too. */
async function isUnfilled(
  bytes: AudioBytes,
  start: number,
  riffEnd: number,
): Promise<boolean> {
  if (riffEnd <= start || isPlaceholder(riffEnd - 8)) return true;
  const next = await chunkAt(bytes, start);
  return next === undefined || !isChunkId(next.id);
}

/**
 * Returns the number of bytes of samples. If the size is a placeholder, they extend to the end of the file. A file that is
 * shorter than its size declares is truncated, unless something else shows that the size is wrong.
 */
async function dataBytes(
  bytes: AudioBytes,
  { chunk: { size, start }, riffEnd, longSize }: {
    readonly chunk: Chunk;
    readonly riffEnd: number;
    readonly longSize: number | undefined;
  },
): Promise<number> {
  const there = bytes.size - start;
  if (size === 0xffff_ffff && longSize !== undefined) {
    if (longSize === 0 || longSize >= 2 ** 62) return there;
    return requireAll(longSize, there);
  }
  if (size === 0) return await isUnfilled(bytes, start, riffEnd) ? there : 0;
  if (size <= there) return size;
  if (isPlaceholder(size)) return there;
  // The file is as long as its RIFF header declares.
  if (riffEnd > start && riffEnd <= bytes.size) return riffEnd - start;
  // The headers were counted too.
  if (size === bytes.size || size === bytes.size - 8) return there;
  return requireAll(size, there);
}

function requireAll(declared: number, there: number): number {
  if (declared <= there) return declared;
  const rule = `its data chunk must have ${declared} bytes`;
  throw refusal(rule, `truncated, with ${there}`);
}

/** Chunks, tags and a little junk may follow the data, but no other audio: it would not be measured. */
async function requireNoMore(
  bytes: AudioBytes,
  data: Omit<Chunk, "id">,
): Promise<void> {
  let at = await afterChunk(bytes, data);
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const chunk = await chunkAt(bytes, at);
    if (chunk === undefined) return;
    const { id, start, size } = chunk;
    if (/^(RIFF|RF64|BW64|data)$/.test(id)) {
      const what = id === "data" ? "data chunk" : "WAV file";
      throw new FormatError(
        `a WAV file must contain one recording, but another ${what} begins at byte ${at}: split the file`,
      );
    }
    if (/^(ID3|TAG|APET|LYRI)/.test(id)) return;
    if (!isChunkId(id) || start + size > bytes.size) break;
    at = await afterChunk(bytes, chunk);
  }
  const left = bytes.size - at;
  if (left <= JUNK_BYTES) return;
  if (left <= ZERO_BYTES) {
    const rest = await bytes.read(at, bytes.size);
    if (rest.every((byte) => byte === 0)) return;
  }
  throw new FormatError(
    `at most ${JUNK_BYTES} bytes that belong to no chunk may follow the data of a WAV file, but there are ${left}: the size of the data may be wrong`,
  );
}

/** The format tag of float samples. */
const FLOAT = 3;

/** The tag of headers whose real tag is in the extension. */
const EXTENSIBLE = 0xfffe;

function parseFormat(chunk: Uint8Array<ArrayBuffer>): WavFormat {
  if (chunk.length < 16) {
    const rule = "its fmt chunk must have 16 bytes or more";
    throw refusal(rule, chunk.length);
  }
  const view = viewOf(chunk);
  const outer = view.getUint16(0, true);
  const tag = outer === EXTENSIBLE && chunk.length >= 26
    ? view.getUint16(24, true)
    : outer;
  const channels = view.getUint16(2, true);
  const frameBytes = view.getUint16(12, true);
  const bits = channels > 0 ? frameBytes / channels * 8 : 0;
  const reader = READERS[`${tag}/${bits}`];
  if (reader === undefined) {
    const rule =
      "a WAV file must contain PCM of 8, 16, 24 or 32 bits, float of " +
      "32 or 64 bits, A-law or µ-law";
    const found = `format ${tag} of ${view.getUint16(14, true)} bits, ` +
      `${channels} channels in ${frameBytes} bytes`;
    throw refusal(rule, found);
  }
  return {
    reader,
    isFloat: tag === FLOAT,
    channels,
    sampleRateHz: view.getUint32(4, true),
    frameBytes,
    fmt: chunk,
  };
}

function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 4));
}
