/** A page of an Ogg stream (RFC 3533 §6) that is complete and whose checksum holds. */
export interface OggPage {
  /** Where the packets begin, and where the next page does. */
  readonly body: number;
  readonly end: number;
  /** Whether the stream begins, or ends, with this page. */
  readonly first: boolean;
  readonly last: boolean;
  /** Position at the end of the last packet that ends here; -1 where none does. */
  readonly granule: number;
  readonly serial: number;
  readonly sequence: number;
  /** Lengths of the pieces of packets; one under 255 ends a packet. */
  readonly lacing: Uint8Array;
}

/** What is wrong where a page should be. */
export type NoPage = "missing" | "truncated" | "corrupt";

/** The longest page: header, 255 lacing values, 255 pieces of 255 bytes. */
export const MAX_PAGE_BYTES = 27 + 255 + 255 * 255;

const HEADER_BYTES = 27;
const CRC_AT = 22;

/** The page at `at`, or what is wrong there. */
export function pageAt(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
): OggPage | NoPage {
  if (!startsPage(bytes, at)) return "missing";
  const body = at + HEADER_BYTES + (bytes[at + 26] ?? 0);
  if (bytes.length < at + HEADER_BYTES || bytes.length < body) {
    return "truncated";
  }
  const lacing = bytes.subarray(at + HEADER_BYTES, body);
  const end = lacing.reduce((sum, piece) => sum + piece, body);
  if (bytes.length < end) return "truncated";
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (pageChecksum(bytes.subarray(at, end)) !== view.getUint32(CRC_AT, true)) {
    return "corrupt";
  }
  const flags = view.getUint8(5);
  return {
    body,
    end,
    first: (flags & 2) !== 0,
    last: (flags & 4) !== 0,
    granule: Number(view.getBigInt64(6, true)),
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
    lacing,
  };
}

/** Whether a page seems to begin here. */
export function startsPage(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x4f && bytes[at + 1] === 0x67 &&
    bytes[at + 2] === 0x67 && bytes[at + 3] === 0x53;
}

/** CRC-32 by 0x04C11DB7, most significant bit first. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc << 1 ^ (crc < 0 ? 0x04c1_1db7 : 0);
  }
  return crc;
});

/** The checksum of a page, in which its own four bytes count as 0. */
export function pageChecksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= CRC_AT && i < CRC_AT + 4 ? 0 : page[i]!;
    crc = crc << 8 ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}
