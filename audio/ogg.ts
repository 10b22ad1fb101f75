import { Buffer } from "node:buffer";
import {
  type AudioFile,
  type AudioPiece,
  FormatError,
  refusal,
  requireDecoded,
} from "./format.ts";
import type { AudioBytes } from "./source.ts";

/** A page of an Ogg stream (RFC 3533 §6) that is complete. */
interface Page {
  /** Offsets of the packets and of the next page. */
  readonly body: number;
  readonly end: number;
  /** Whether the page is marked as the end of its stream. */
  readonly isLast: boolean;
  /** Number of samples up to the end of the last packet that ends here; -1 if none does. */
  readonly granule: number;
  readonly serial: number;
  readonly sequence: number;
  /** Whether the last packet continues on the next page. */
  readonly isContinued: boolean;
}

/** Granule positions of Opus count at this rate, which is also the rate of its decoder (RFC 7845 §4). */
const OPUS_HZ = 48_000;

/** The longest page: header, 255 lacing values, 255 segments of 255 bytes. */
const MAX_PAGE_BYTES = 27 + 255 + 255 * 255;

/**
 * Reads the first page, which has the codec, and the last one, which has the length. The checksum and the number of every
 * page are checked when it is decoded.
 */
export async function inspectOgg(bytes: AudioBytes): Promise<AudioFile> {
  const head = await bytes.read(0, MAX_PAGE_BYTES);
  const { body, end, serial } = requirePage(head, 0);
  const { preSkip, ...codec } = codecOf(head.subarray(body, end));
  const last = await lastPage(bytes);
  if (last.serial !== serial) throw severalStreams();
  return {
    ...codec,
    samples: last.granule - preSkip,
    decode: (bytes) => decode(bytes, codec.format, serial),
  };
}

/** Decodes page by page: a page has at most 255 packets, while hours of silence take a few kilobytes. */
async function* decode(
  bytes: Uint8Array<ArrayBuffer>,
  format: "opus" | "vorbis",
  serial: number,
): AsyncGenerator<AudioPiece> {
  const Decoder = format === "opus"
    ? (await import("ogg-opus-decoder")).OggOpusDecoder
    : (await import("@wasm-audio-decoders/ogg-vorbis")).OggVorbisDecoder;
  const decoder = new Decoder();
  await decoder.ready;
  let count = 0;
  let inTags = false;
  try {
    for (const { at, page } of pagesOf(bytes, serial)) {
      if (format === "opus" && count++ === 1) inTags = true;
      // The parser expects the tags of Opus on one page: with a picture they take several.
      const data = inTags ? emptyTags(serial) : bytes.subarray(at, page.end);
      const isSkipped = inTags && page.isContinued;
      inTags &&= page.isContinued;
      if (isSkipped) continue;
      yield requireDecoded(await decoder.decode(data));
    }
    yield requireDecoded(await decoder.flush());
  } finally {
    decoder.free();
  }
}

/** Parses the first packet. `preSkip` is the number of samples at the start that do not belong to the audio. */
function codecOf(packet: Uint8Array<ArrayBuffer>) {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const magic = String.fromCharCode(...packet.subarray(0, 8));
  if (magic === "OpusHead" && packet.length >= 19) {
    return {
      format: "opus",
      channels: view.getUint8(9),
      sampleRateHz: OPUS_HZ,
      preSkip: view.getUint16(10, true),
    } as const;
  }
  if (magic.startsWith("\x01vorbis") && packet.length >= 30) {
    return {
      format: "vorbis",
      channels: view.getUint8(11),
      sampleRateHz: view.getUint32(12, true),
      preSkip: 0,
    } as const;
  }
  const codec = magic.replaceAll(/[^\x20-\x7e]/g, "").trim();
  const rule = "Ogg must contain Opus or Vorbis";
  throw refusal(rule, JSON.stringify(codec));
}

/** Reads the last page of a file. Anything after it is skipped. */
async function lastPage(bytes: AudioBytes): Promise<Page> {
  const from = Math.max(0, bytes.size - MAX_PAGE_BYTES);
  const tail = await bytes.read(from, bytes.size);
  const at = Buffer.from(tail.buffer, tail.byteOffset, tail.length)
    .lastIndexOf("OggS");
  if (at >= 0) {
    const page = requirePage(tail, at, from);
    if (page.isLast) return page;
    const rule = "its last page must be marked as the end";
    throw refusal(rule, "not marked (truncated)");
  }
  throw refusal("must end with an Ogg page", "without one");
}

/** The pages up to the marked end, in the order of their numbers. */
function* pagesOf(
  bytes: Uint8Array<ArrayBuffer>,
  serial: number,
): Generator<{ readonly at: number; readonly page: Page }> {
  let at = 0;
  let previous: Page | undefined;
  for (;;) {
    const page = requirePage(bytes, at);
    const isOther = page.serial !== serial ||
      page.isLast && startsPage(bytes, page.end);
    if (isOther) throw severalStreams();
    const number = previous ? previous.sequence + 1 : page.sequence;
    if (page.sequence !== number) {
      throw refusal(
        `page ${number} must follow`,
        `page ${page.sequence}`,
      );
    }
    yield { at, page };
    if (page.isLast) return;
    at = page.end;
    previous = page;
  }
}

function severalStreams(): FormatError {
  return new FormatError("Ogg must contain one stream, but contains several");
}

/**
 * Parses the page at `at`.
 *
 * @param offset Offset of the bytes in the file, for errors.
 * @throws {FormatError} If the page is missing, truncated, or its checksum is wrong.
 */
function requirePage(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  offset = 0,
): Page {
  const count = bytes[at + 26] ?? 0;
  const segments = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + count);
  const body = at + HEADER_BYTES + count;
  const end = segments.reduce((sum, length) => sum + length, body);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const fault = !startsPage(bytes, at)
    ? "missing"
    : bytes.length < Math.max(body, end)
    ? "truncated"
    : pageChecksum(bytes.subarray(at, end)) !== view.getUint32(CRC_AT, true)
    ? "corrupt"
    : undefined;
  if (fault) {
    const rule = `the Ogg page at byte ${offset + at} must be valid`;
    throw refusal(rule, fault);
  }
  return {
    body,
    end,
    isLast: (view.getUint8(5) & 4) !== 0,
    granule: Number(view.getBigInt64(6, true)),
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
    isContinued: segments.at(-1) === 255,
  };
}

/** Whether a page begins at `at`: with "OggS". */
function startsPage(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x4f && bytes[at + 1] === 0x67 &&
    bytes[at + 2] === 0x67 && bytes[at + 3] === 0x53;
}

const HEADER_BYTES = 27;
const CRC_AT = 22;

/** CRC-32 with the polynomial 0x04C11DB7, most significant bit first. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc << 1 ^ (crc < 0 ? 0x04c1_1db7 : 0);
  }
  return crc;
});

/** Computes the checksum of a page, with zeros in place of the page's own. */
export function pageChecksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= CRC_AT && i < CRC_AT + 4 ? 0 : page[i]!;
    crc = crc << 8 ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}

/** Creates a page with an empty OpusTags packet (RFC 7845 §5.2). */
function emptyTags(serial: number): Uint8Array<ArrayBuffer> {
  const tags = new TextEncoder().encode("OpusTags\0\0\0\0\0\0\0\0");
  const page = new Uint8Array(HEADER_BYTES + 1 + tags.length);
  const view = new DataView(page.buffer);
  page.set(new TextEncoder().encode("OggS"));
  view.setUint32(14, serial, true);
  view.setUint32(18, 1, true);
  page.set([1, tags.length], 26);
  page.set(tags, HEADER_BYTES + 1);
  view.setUint32(CRC_AT, pageChecksum(page), true);
  return page;
}
