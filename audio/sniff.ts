import { refusal } from "./errors.ts";

/** What kind of container a file is, as its first bytes tell. */
export type AudioContainer = "wav" | "flac" | "mp3" | "ogg";

/** First bytes by container; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [string, AudioContainer])[] = [
  ["RIFF....WAVE", "wav"],
  ["RF64....WAVE", "wav"],
  ["BW64....WAVE", "wav"],
  ["fLaC", "flac"],
  ["OggS", "ogg"],
  ["ID3", "mp3"],
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

/**
 * The container of a file by its first 12 bytes.
 *
 * @throws {AudioError} where it is none that this module reads, saying what it seems to be
 */
export function sniff(head: Uint8Array, name: string): AudioContainer {
  if (head.length === 0) {
    throw refusal(name, "audio must not be empty", { is: "0 bytes" });
  }
  const start = String.fromCharCode(...head.subarray(0, 12));
  for (const [signature, container] of SIGNATURES) {
    if (matches(start, signature)) return container;
  }
  const other = OTHERS.find(([signature]) => matches(start, signature));
  if (other === undefined && isMpegFrame(head)) return "mp3";
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
