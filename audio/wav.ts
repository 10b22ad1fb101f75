import { refusal } from "./errors.ts";
import { type AudioInfo, audioInfo, type DecodedAudio } from "./info.ts";
import { type AudioBytes, bytesOf } from "./source.ts";
import { sampleReader, type WavEncoding } from "./wav_samples.ts";

/** Where the samples of a WAV file lie and how they are written. */
interface WavLayout extends WavFormat {
  readonly dataStart: number;
  readonly frames: number;
}

interface WavFormat {
  readonly encoding: WavEncoding;
  readonly channels: number;
  readonly sampleRateHz: number;
  /** Bytes of one sample of every channel. */
  readonly frameBytes: number;
}

/**
 * Sizes from here up are placeholders of writers that could not seek back: ffmpeg leaves
 * 0xFFFFFFFF, sox 0x7FFFF000.
 */
const UNKNOWN_SIZE = 0x7fff_f000;

/** The longest fmt chunk: the extensible one. */
const FMT_BYTES = 40;

/** What the headers of a WAV file (RIFF, RF64 or BW64) tell. */
export async function inspectWav(
  bytes: AudioBytes,
  name: string,
): Promise<AudioInfo> {
  const { frames, sampleRateHz, channels } = await layoutOf(bytes, name);
  return audioInfo(name, {
    format: "wav",
    sampleRateHz,
    channels,
    samples: frames,
  });
}

/** The samples of a WAV file. */
export async function decodeWav(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const layout = await layoutOf(bytesOf(bytes), name);
  const { encoding, frameBytes, frames } = layout;
  const view = new DataView(
    bytes.buffer,
    bytes.byteOffset + layout.dataStart,
    frames * frameBytes,
  );
  const { read, bytes: sampleBytes } = sampleReader(encoding);
  const channels = Array.from({ length: layout.channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    let at = channel * sampleBytes;
    for (let i = 0; i < frames; i++, at += frameBytes) {
      samples[i] = read(view, at);
    }
    if (encoding.startsWith("float")) requireFinite(samples, name);
    return samples;
  });
  return { sampleRateHz: layout.sampleRateHz, channels };
}

/** The first seconds of a WAV file as a file of its own, read without what follows. */
export async function cutWav(
  bytes: AudioBytes,
  name: string,
  seconds: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const layout = await layoutOf(bytes, name);
  const { dataStart, frameBytes, sampleRateHz } = layout;
  const frames = Math.min(layout.frames, Math.round(seconds * sampleRateHz));
  const dataBytes = frames * frameBytes;
  const cut = await bytes.read(0, dataStart + dataBytes);
  viewOf(cut).setUint32(dataStart - 4, dataBytes, true);
  return cut;
}

function requireFinite(samples: Float32Array, name: string): void {
  const at = samples.findIndex((sample) => !Number.isFinite(sample));
  if (at < 0) return;
  throw refusal(name, "its samples must be finite numbers", {
    is: `${samples[at]} (sample ${at})`,
  });
}

/**
 * Walks the chunks up to `data`. A size that a streaming writer could not fill in (0 with nothing
 * after it counted, or a placeholder) means: to the end of the file.
 */
async function layoutOf(bytes: AudioBytes, name: string): Promise<WavLayout> {
  const riff = viewOf(await bytes.read(0, 12));
  const riffEnd = riff.getUint32(4, true) + 8;
  let format: WavFormat | undefined;
  let longSize: number | undefined;
  for (let at = 12; at + 8 <= bytes.size;) {
    const header = await bytes.read(at, at + 8);
    const id = ascii(header);
    const size = viewOf(header).getUint32(4, true);
    const start = at + 8;
    if (id === "fmt ") {
      format = formatOf(
        await bytes.read(start, start + Math.min(size, FMT_BYTES)),
        name,
      );
    } else if (id === "ds64") {
      const sizes = viewOf(await bytes.read(start, start + 16));
      longSize = Number(sizes.getBigUint64(8, true));
    } else if (id === "data") {
      if (format === undefined) break;
      const declared = declaredBytes({ size, start, riffEnd, longSize });
      const dataBytes = declared ?? bytes.size - start;
      requireAll(dataBytes, bytes.size - start, name);
      const frames = Math.floor(dataBytes / format.frameBytes);
      return { ...format, dataStart: start, frames };
    }
    at = start + size + size % 2;
  }
  const rule = format === undefined
    ? "a WAV file must have a fmt chunk before its data"
    : "a WAV file must have a data chunk";
  throw refusal(name, rule, { is: `none in ${bytes.size} bytes` });
}

/** Bytes of samples as declared, or `undefined` where the writer did not know. */
function declaredBytes(
  { size, start, riffEnd, longSize }: {
    size: number;
    start: number;
    riffEnd: number;
    longSize: number | undefined;
  },
): number | undefined {
  if (size === 0xffff_ffff && longSize !== undefined) return longSize;
  if (size >= UNKNOWN_SIZE) return undefined;
  const unfilled = riffEnd <= start || riffEnd >= UNKNOWN_SIZE;
  return size === 0 && unfilled ? undefined : size;
}

function requireAll(declared: number, there: number, name: string): void {
  if (declared <= there) return;
  throw refusal(name, `its data chunk must hold ${declared} bytes`, {
    is: `${there} (truncated)`,
  });
}

/** Encodings by format tag and bits. */
const ENCODINGS: Readonly<Record<string, WavEncoding>> = {
  "1/8": "pcm8",
  "1/16": "pcm16",
  "1/24": "pcm24",
  "1/32": "pcm32",
  "3/32": "float32",
  "3/64": "float64",
  "6/8": "alaw",
  "7/8": "mulaw",
};

/** The tag that says: the true one is in the extension. */
const EXTENSIBLE = 0xfffe;

function formatOf(chunk: Uint8Array<ArrayBuffer>, name: string): WavFormat {
  if (chunk.length < 16) {
    throw refusal(name, "its fmt chunk must hold 16 bytes or more", {
      is: chunk.length,
    });
  }
  const view = viewOf(chunk);
  const outer = view.getUint16(0, true);
  const tag = outer === EXTENSIBLE && chunk.length >= 26
    ? view.getUint16(24, true)
    : outer;
  const channels = view.getUint16(2, true);
  const frameBytes = view.getUint16(12, true);
  const bits = channels > 0 ? frameBytes / channels * 8 : 0;
  const encoding = ENCODINGS[`${tag}/${bits}`];
  if (encoding === undefined) {
    const rule = "a WAV file must hold PCM of 8, 16, 24 or 32 bits, float of " +
      "32 or 64 bits, A-law or µ-law";
    throw refusal(name, rule, {
      is: `format ${tag} of ${view.getUint16(14, true)} bits, ` +
        `${channels} channels in ${frameBytes} bytes`,
    });
  }
  return {
    encoding,
    channels,
    sampleRateHz: view.getUint32(4, true),
    frameBytes,
  };
}

function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 4));
}
