import { requireRate } from "./pcm.ts";

/** Reads samples of one encoding: PCM (tag 1), float (3), A-law (6) or µ-law (7). */
export interface SampleReader {
  /** Bytes of a sample. */
  readonly bytes: number;
  /** Reads the sample at a byte offset, full scale -1 to 1. */
  read(view: DataView, at: number): number;
}

/**
 * ITU-T G.711: a byte contains a sign, 3 bits of exponent and 4 of mantissa. All bits are inverted in µ-law, every
 * other bit in A-law. µ-law spans ±8031 of 2^13, A-law ±4032 of 2^12.
 */
const MULAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const inverted = ~byte;
  const exponent = inverted >> 4 & 7;
  const magnitude = (2 * (inverted & 15) + 33 << exponent) - 33;
  return (inverted & 128 ? -magnitude : magnitude) / 8192;
});

const ALAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const even = byte ^ 0x55;
  const exponent = even >> 4 & 7;
  const step = 2 * (even & 15) + 1;
  const magnitude = exponent === 0 ? step : step + 32 << exponent - 1;
  return (even & 128 ? magnitude : -magnitude) / 4096;
});

/** Readers by the format tag and the bits of a sample. */
export const READERS: Readonly<Record<string, SampleReader>> = {
  "1/8": { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  "1/16": { bytes: 2, read: (view, at) => view.getInt16(at, true) / 32768 },
  "1/24": {
    bytes: 3,
    read: (view, at) =>
      (view.getInt8(at + 2) * 65536 + view.getUint16(at, true)) / 8388608,
  },
  "1/32": {
    bytes: 4,
    read: (view, at) => view.getInt32(at, true) / 2147483648,
  },
  "3/32": { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  "3/64": { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  "6/8": { bytes: 1, read: (view, at) => ALAW[view.getUint8(at)]! },
  "7/8": { bytes: 1, read: (view, at) => MULAW[view.getUint8(at)]! },
};

/**
 * Encodes mono PCM16 as a WAV file.
 *
 * @throws {RangeError} If the rate is not a whole number from 1.
 */
export function encodeWav(
  pcm16: Int16Array,
  sampleRateHz: number,
): Uint8Array<ArrayBuffer> {
  requireRate(sampleRateHz);
  const dataBytes = pcm16.length * 2;
  const view = new DataView(new ArrayBuffer(44 + dataBytes));
  const bytes = new Uint8Array(view.buffer);
  const text = new TextEncoder();
  text.encodeInto("RIFF    WAVEfmt ", bytes);
  view.setUint32(4, 36 + dataBytes, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text.encodeInto("data", bytes.subarray(36));
  view.setUint32(40, dataBytes, true);
  // Little-endian in the file, as are all machines that Deno runs on.
  new Int16Array(view.buffer, 44).set(pcm16);
  return bytes;
}
