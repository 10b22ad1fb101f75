import { refusal } from "./errors.ts";
import type { AudioBytes } from "./source.ts";

/** What kind of container a file is, as its first bytes tell. */
export type AudioContainer = "wav" | "flac" | "mp3" | "ogg";

/** First bytes by container; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [string, AudioContainer])[] = [
  ["RIFF....WAVE", "wav"],
  ["RF64....WAVE", "wav"],
  ["BW64....WAVE", "wav"],
  ["fLaC", "flac"],
  ["OggS", "ogg"],
];

/** What people try, and what it is. */
const OTHERS: readonly (readonly [string, string])[] = [
  ["....ftyp", "MP4 or M4A"],
  ["\x1aE\xdf\xa3", "WebM or Matroska"],
  ["FORM....AIF", "AIFF"],
  ["RIFX", "big-endian WAV"],
  ["RIFF....AVI", "AVI"],
  ["caff", "CAF"],
  [".snd", "AU"],
  ["#!AMR", "AMR"],
  ["MThd", "MIDI"],
  ["0&\xb2u", "WMA"],
  ["%PDF", "PDF"],
  ["PK\x03\x04", "a ZIP archive"],
  ["\x1f\x8b", "gzip"],
  ["\xff\xf1", "AAC (ADTS)"],
  ["\xff\xf9", "AAC (ADTS)"],
];

/** Bytes read at once from the start of a file: enough for the headers of most. */
const HEAD_BYTES = 4096;

/** Tags one behind another that are passed over. */
const MAX_TAGS = 16;

/** Where the audio of a file begins, and what it is. */
export interface FoundAudio {
  readonly container: AudioContainer;
  /** Bytes of the tags before it. */
  readonly at: number;
  /** The first bytes of the audio. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/**
 * Finds out what a file holds, behind the ID3v2 tags that it may begin with: taggers put them before FLAC, Ogg and
 * WAV too, so a tag alone tells nothing.
 *
 * @throws {AudioError} where it is nothing that this module reads, saying what it seems to be
 */
export async function findAudio(
  bytes: AudioBytes,
  name: string,
): Promise<FoundAudio> {
  let at = 0;
  let head = await bytes.read(0, HEAD_BYTES);
  if (head.length === 0) {
    throw refusal(name, "audio must not be empty", { is: "0 bytes" });
  }
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    const size = tagBytes(head);
    if (size === 0) break;
    at += size;
    head = await bytes.read(at, at + HEAD_BYTES);
  }
  const isTagged = at > 0;
  // Padding of a tag may not be counted in its size.
  const zeros = isTagged ? head.findIndex((byte) => byte !== 0) : 0;
  if (zeros > 0) {
    at += zeros;
    head = await bytes.read(at, at + HEAD_BYTES);
  }
  return { container: sniff(head, name, isTagged), at, head };
}

/** Bytes of the ID3v2 tag that begins here; 0 where none does. */
function tagBytes(head: Uint8Array): number {
  if (
    head.length < 10 || String.fromCharCode(...head.subarray(0, 3)) !== "ID3"
  ) {
    return 0;
  }
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + byte, 0);
  return 10 + size + ((head[5]! & 0x10) !== 0 ? 10 : 0);
}

function sniff(
  head: Uint8Array,
  name: string,
  isTagged: boolean,
): AudioContainer {
  const start = String.fromCharCode(...head.subarray(0, 12));
  for (const [signature, container] of SIGNATURES) {
    if (matches(start, signature)) return container;
  }
  const other = OTHERS.find(([signature]) => matches(start, signature));
  // Behind a tag may lie junk before the first frame.
  if (other === undefined && (isTagged || isMpegFrame(head))) return "mp3";
  throw refusal(name, "audio must be WAV, FLAC, MP3, Ogg Opus or Ogg Vorbis", {
    is: other?.[1] ?? `no audio known here (it begins with ${shown(start)})`,
  });
}

function matches(start: string, signature: string): boolean {
  return start.length >= signature.length &&
    [...signature].every((char, i) =>
      char === "." && i < signature.length - 1 && signature !== ".snd" ||
      char === start[i]
    );
}

/** The sync word of an MPEG audio frame of layer III. */
function isMpegFrame(head: Uint8Array): boolean {
  return head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2;
}

function shown(start: string): string {
  return JSON.stringify(start.replaceAll(/[^\x20-\x7e]/g, "?"));
}
