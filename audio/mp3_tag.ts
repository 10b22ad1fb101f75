import type { Mp3Frame } from "./mp3_frame.ts";

/** What an encoder left in a first frame that holds no audio (Xing, Info or VBRI). */
export interface Mp3Tag {
  /** Frames that follow. */
  readonly frames: number | undefined;
  /** Bytes of audio, with this frame. */
  readonly bytes: number | undefined;
  /** Samples at both ends that are decoded but not heard. */
  readonly delay: number;
  readonly padding: number;
  /** CRC-16 of what follows this frame, and up to where; only where the tag's own checksum holds. */
  readonly music: { readonly bytes: number; readonly crc: number } | undefined;
}

/** Bytes of LAME's extension, and where its fields lie. */
const LAME_BYTES = 36;
const DELAY_AT = 21;
const MUSIC_BYTES_AT = 28;
const MUSIC_CRC_AT = 32;
const TAG_CRC_AT = 34;

/** The tag in the frame at `at`, if it has one. */
export function mp3TagAt(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  frame: Mp3Frame,
): Mp3Tag | undefined {
  const page = bytes.subarray(at, at + frame.bytes);
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const xingAt = 4 + frame.sideBytes;
  const name = text(page, xingAt);
  if (name === "Xing" || name === "Info") return xingTag(view, page, xingAt);
  if (text(page, 36) === "VBRI" && page.length >= 54) {
    return {
      bytes: view.getUint32(46),
      frames: view.getUint32(50),
      delay: 0,
      padding: 0,
      music: undefined,
    };
  }
  return undefined;
}

function xingTag(
  view: DataView,
  frame: Uint8Array,
  start: number,
): Mp3Tag | undefined {
  if (frame.length < start + 120) return undefined;
  const flags = view.getUint32(start + 4);
  let at = start + 8;
  const field = (flag: number, bytes: number) => {
    if ((flags & flag) === 0) return undefined;
    at += bytes;
    return view.getUint32(at - bytes);
  };
  const frames = field(1, 4);
  const bytes = field(2, 4);
  field(4, 100);
  field(8, 4);
  return { frames, bytes, ...lameTag(view, frame, at) };
}

function lameTag(
  view: DataView,
  frame: Uint8Array,
  at: number,
): Pick<Mp3Tag, "delay" | "padding" | "music"> {
  if (frame.length < at + LAME_BYTES) {
    return { delay: 0, padding: 0, music: undefined };
  }
  const packed = view.getUint32(at + DELAY_AT) >>> 8;
  const sound = crc16(frame.subarray(0, at + TAG_CRC_AT)) ===
    view.getUint16(at + TAG_CRC_AT);
  const music = {
    bytes: view.getUint32(at + MUSIC_BYTES_AT),
    crc: view.getUint16(at + MUSIC_CRC_AT),
  };
  return {
    delay: packed >> 12,
    padding: packed & 0xfff,
    music: sound && music.bytes > 0 ? music : undefined,
  };
}

/** CRC-16 by 0x8005, least significant bit first. */
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xa001 : 0);
  return crc;
});

/** The checksum that LAME leaves of its tag and of the music. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < bytes.length; i++) {
    crc = crc >> 8 ^ CRC_TABLE[(crc ^ bytes[i]!) & 0xff]!;
  }
  return crc;
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
