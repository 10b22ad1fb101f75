/** How the samples of a WAV file are written. */
export type WavEncoding =
  | "pcm8"
  | "pcm16"
  | "pcm24"
  | "pcm32"
  | "float32"
  | "float64"
  | "alaw"
  | "mulaw";

/** Reads one sample, full scale -1 to 1. */
export interface SampleReader {
  /** Bytes of a sample. */
  readonly bytes: number;
  /** The sample at a byte offset. */
  read(view: DataView, at: number): number;
}

/** How to read one sample of an encoding. */
export function sampleReader(encoding: WavEncoding): SampleReader {
  return READERS[encoding];
}

/**
 * ITU-T G.711: a byte holds a sign, 3 bits of exponent and 4 of mantissa, all inverted in µ-law and
 * every other one in A-law. µ-law spans ±8031 of 2^13, A-law ±4032 of 2^12.
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

const READERS: Readonly<Record<WavEncoding, SampleReader>> = {
  pcm8: { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  pcm16: { bytes: 2, read: (view, at) => view.getInt16(at, true) / 32768 },
  pcm24: {
    bytes: 3,
    read: (view, at) =>
      (view.getInt8(at + 2) * 65536 + view.getUint16(at, true)) / 8388608,
  },
  pcm32: {
    bytes: 4,
    read: (view, at) => view.getInt32(at, true) / 2147483648,
  },
  float32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  float64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  mulaw: { bytes: 1, read: (view, at) => MULAW[view.getUint8(at)]! },
  alaw: { bytes: 1, read: (view, at) => ALAW[view.getUint8(at)]! },
};
