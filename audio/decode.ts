import { inspectFlac, openFlac } from "./flac.ts";
import {
  AudioError,
  type AudioFormat,
  type AudioInfo,
  type AudioShape,
  type AudioStream,
  type DecodedAudio,
  refusal,
  requireUsable,
} from "./format.ts";
import { inspectMp3, openMp3 } from "./mp3.ts";
import { inspectOgg, openOgg } from "./ogg.ts";
import {
  type AudioBytes,
  type AudioSource,
  bytesFrom,
  bytesOf,
} from "./source.ts";
import { inspectWav, openWav } from "./wav.ts";

/** Reads the files of one container. */
interface Container {
  inspect(
    bytes: AudioBytes,
    name: string,
  ): Promise<AudioShape & { readonly format: AudioFormat }>;
  open(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<AudioStream>;
}

const WAV: Container = { inspect: inspectWav, open: openWav };
const FLAC: Container = { inspect: inspectFlac, open: openFlac };
const MP3: Container = { inspect: inspectMp3, open: openMp3 };
const OGG: Container = { inspect: inspectOgg, open: openOgg };

/** First bytes of files; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [string, Container])[] = [
  ["RIFF....WAVE", WAV],
  ["RF64....WAVE", WAV],
  ["BW64....WAVE", WAV],
  ["fLaC", FLAC],
  ["OggS", OGG],
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

const MEDIA_TYPES: Readonly<Record<AudioFormat, string>> = {
  wav: "audio/wav",
  flac: "audio/flac",
  mp3: "audio/mpeg",
  opus: "audio/ogg",
  vorbis: "audio/ogg",
};

/**
 * Reads the properties of an audio file from its headers (for MP3 without a Xing or VBRI tag, from the headers of all
 * frames). Checks that the file is as long as its container declares, as far as that is possible without decoding.
 *
 * @throws {AudioError} If the file cannot be read, is not audio, empty, truncated, or shorter than 1 ms.
 */
export async function inspectAudio(source: AudioSource): Promise<AudioInfo> {
  const { info } = await inspectFile(source);
  return info;
}

/** Inspects an audio file. Returns its properties and its size in bytes. */
export async function inspectFile(
  source: AudioSource,
): Promise<{ info: AudioInfo; size: number }> {
  await using bytes = await source.open();
  const { size } = bytes;
  const { container, audio } = await findAudio(bytes, source.name);
  const found = await container.inspect(audio, source.name);
  const { format, sampleRateHz, channels } = found;
  const durationMs = requireUsable(source.name, found);
  const mediaType = MEDIA_TYPES[format];
  return {
    info: { format, mediaType, sampleRateHz, channels, durationMs },
    size,
  };
}

/**
 * Opens an audio file in memory, to decode it piece by piece in this thread.
 *
 * @param name The name of the audio in errors.
 * @throws {AudioError} If the file is not audio, empty or truncated.
 */
export async function openStream(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<AudioStream> {
  return await withName(name, async () => {
    const { container, at } = await findAudio(bytesOf(bytes), name);
    const stream = await container.open(bytes.subarray(at), name);
    requireUsable(name, stream);
    return {
      ...stream,
      async *pieces(range) {
        const pieces = stream.pieces(range)[Symbol.asyncIterator]();
        try {
          for (;;) {
            const next = await withName(name, () => pieces.next());
            if (next.done) return;
            yield next.value;
          }
        } finally {
          await pieces.return?.();
        }
      },
    };
  });
}

/** Converts whatever a decoder throws into an error that names the file. */
async function withName<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof AudioError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AudioError(`${name}: cannot decode the audio: ${reason}`, {
      cause,
    });
  }
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
  const { samples, sampleRateHz, pieces } = await openStream(bytes, name);
  // Joined afterwards: a header may declare far more samples than the file has.
  const found = await Array.fromAsync(pieces({ start: 0, end: samples }));
  const length = found.reduce((sum, [first]) => sum + (first?.length ?? 0), 0);
  const channels = (found[0] ?? []).map((_, channel) => {
    const joined = new Float32Array(length);
    let at = 0;
    for (const piece of found) {
      joined.set(piece[channel]!, at);
      at += piece[channel]!.length;
    }
    return joined;
  });
  return { sampleRateHz, channels };
}

/** Bytes read at once from the start of a file: enough for most headers. */
const HEAD_BYTES = 4096;

/** Maximum number of tags at the start that are skipped. */
const MAX_TAGS = 16;

/**
 * Identifies a file by its content, after the ID3v2 tags that it may begin with: they occur before FLAC, Ogg and WAV too.
 *
 * @returns The container, the offset of the audio, and the audio without the tags.
 * @throws {AudioError} If the format is not supported.
 */
export async function findAudio(bytes: AudioBytes, name: string) {
  let at = 0;
  let head = await bytes.read(0, HEAD_BYTES);
  if (head.length === 0) {
    throw refusal(name, "audio must not be empty", "0 bytes");
  }
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
  const container = identify(head, name, isTagged);
  return { container, at, audio: bytesFrom(bytes, at, head) };
}

/** Returns the length of the ID3v2 tag that begins here; 0 without one. */
function tagBytes(head: Uint8Array): number {
  const isTag = String.fromCharCode(...head.subarray(0, 3)) === "ID3";
  if (!isTag || head.length < 10) return 0;
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + byte, 0);
  return 10 + size + ((head[5]! & 0x10) !== 0 ? 10 : 0);
}

function identify(
  head: Uint8Array,
  name: string,
  isTagged: boolean,
): Container {
  const start = String.fromCharCode(...head.subarray(0, 12));
  const begins = ([signature]: readonly [string, unknown]) =>
    new RegExp(`^${signature}`, "s").test(start);
  const known = SIGNATURES.find(begins);
  if (known) return known[1];
  const other = OTHERS.find(begins);
  // Junk may follow a tag before the first frame.
  if (!other && (isTagged || isMpegFrame(head))) return MP3;
  const shown = JSON.stringify(start.replaceAll(/[^\x20-\x7e]/g, "?"));
  throw refusal(
    name,
    "audio must be WAV, FLAC, MP3, Ogg Opus or Ogg Vorbis",
    other?.[1] ?? `an unknown format (it begins with ${shown})`,
  );
}

/** Whether MPEG audio of layer III begins here. */
function isMpegFrame(head: Uint8Array): boolean {
  return head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2;
}
