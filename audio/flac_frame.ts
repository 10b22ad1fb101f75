/** What the header of a FLAC frame tells. */
export interface FlacFrame {
  /** Samples of each channel. */
  readonly samples: number;
  /** Number of its first sample. */
  readonly firstSample: number;
}

/** CRC-8 by 0x07. */
const CRC8 = Uint8Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x80 ? 0x107 : 0);
  return crc;
});

/** CRC-16 by 0x8005, most significant bit first. */
const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc << 1 ^ (crc & 0x8000 ? 0x18005 : 0);
  }
  return crc;
});

/**
 * The frame that begins at `at`, where its header is one and its checksum holds (RFC 9639 §9.1).
 *
 * @param blockSamples samples of every frame but the last, where frames are numbered
 */
export function flacFrameAt(
  bytes: Uint8Array,
  at: number,
  blockSamples: number,
): FlacFrame | undefined {
  const byte = (offset: number) => bytes[at + offset] ?? 0;
  if (!startsFlacFrame(bytes, at)) return undefined;
  const number = codedNumber(bytes, at + 4);
  if (number === undefined || (byte(3) & 1) !== 0) return undefined;
  let end = 4 + number.bytes;
  const sizeCode = byte(2) >> 4;
  const samples = sizeCode === 6
    ? byte(end) + 1
    : sizeCode === 7
    ? (byte(end) << 8 | byte(end + 1)) + 1
    : blockSize(sizeCode);
  end += sizeCode === 6 ? 1 : sizeCode === 7 ? 2 : 0;
  const rateCode = byte(2) & 15;
  end += rateCode === 12 ? 1 : rateCode === 13 || rateCode === 14 ? 2 : 0;
  if (samples === 0 || at + end >= bytes.length) return undefined;
  let crc = 0;
  for (let i = 0; i <= end; i++) crc = CRC8[crc ^ byte(i)]!;
  if (crc !== 0) return undefined;
  const numbersSamples = (byte(1) & 1) !== 0;
  const firstSample = number.value * (numbersSamples ? 1 : blockSamples);
  return { samples, firstSample };
}

/**
 * Where a frame that begins at `at` may end: a checksum over it with its own is 0 there, and by chance
 * at one byte in 65,536. The end of all bytes comes first where it is among them.
 */
export function flacFrameEnds(bytes: Uint8Array, at: number): number[] {
  const ends: number[] = [];
  let crc = 0;
  for (let i = at; i < bytes.length; i++) {
    crc = nextCrc16(crc, bytes[i]!);
    if (crc === 0 && i > at + 8) ends.push(i + 1);
  }
  return ends.at(-1) === bytes.length
    ? [bytes.length, ...ends.slice(0, -1)]
    : ends;
}

/** Where the frame at `at` ends, if one follows whose first sample is `next`. */
export function flacFrameEndBefore(
  bytes: Uint8Array,
  at: number,
  { next, blockSamples }: { next: number; blockSamples: number },
): number | undefined {
  let crc = 0;
  for (let i = at; i < bytes.length; i++) {
    crc = nextCrc16(crc, bytes[i]!);
    if (crc !== 0 || !startsFlacFrame(bytes, i + 1)) continue;
    const frame = flacFrameAt(bytes, i + 1, blockSamples);
    if (frame?.firstSample === next) return i + 1;
  }
  return undefined;
}

function nextCrc16(crc: number, byte: number): number {
  return (crc << 8 ^ CRC16[crc >> 8 ^ byte]!) & 0xffff;
}

/** Whether a frame seems to begin here. */
export function startsFlacFrame(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xff && ((bytes[at + 1] ?? 0) & 0xfe) === 0xf8;
}

/** Samples by code; 0 for the codes that say otherwise. */
function blockSize(code: number): number {
  if (code === 1) return 192;
  if (code >= 2 && code <= 5) return 576 << code - 2;
  return code >= 8 ? 256 << code - 8 : 0;
}

/** A number of up to 36 bits, coded as UTF-8 codes characters. */
function codedNumber(
  bytes: Uint8Array,
  at: number,
): { value: number; bytes: number } | undefined {
  const lead = bytes[at];
  if (lead === undefined || lead === 0xff) return undefined;
  const ones = Math.clz32(~(lead << 24));
  if (ones === 0) return { value: lead, bytes: 1 };
  if (ones === 1) return undefined;
  let value = lead & 0x7f >> ones;
  for (let i = 1; i < ones; i++) {
    const next = bytes[at + i];
    if (next === undefined || next >> 6 !== 2) return undefined;
    value = value * 64 + (next & 63);
  }
  return { value, bytes: ones };
}
