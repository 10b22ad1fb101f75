/** A frame of MPEG audio, layer III, by its header (ISO/IEC 11172-3 §2.4.1.3, 13818-3). */
export interface Mp3Frame {
  /** Bytes of the whole frame. */
  readonly bytes: number;
  /** Samples of each channel. */
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Bytes between the header and the data, where encoders leave their tag. */
  readonly sideBytes: number;
}

/** kbit/s by index, for MPEG 1 and for MPEG 2 and 2.5. */
const KBITS_1 = [
  0,
  32,
  40,
  48,
  56,
  64,
  80,
  96,
  112,
  128,
  160,
  192,
  224,
  256,
  320,
];
const KBITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/** Hz by index, for MPEG 1; MPEG 2 has half, 2.5 a quarter. */
const RATES = [44_100, 48_000, 32_000];

/** By the two bits of the version; 1 is reserved. */
const RATE_DIVISORS = [4, 0, 2, 1] as const;

/** The frame whose header lies at `at`, or `undefined` where none does. */
export function mp3FrameAt(
  bytes: Uint8Array,
  at: number,
): Mp3Frame | undefined {
  if (bytes[at] !== 0xff || bytes.length < at + 4) return undefined;
  const [, versionAndLayer, rates, mode] = bytes.subarray(at, at + 4);
  if ((versionAndLayer! & 0xe6) !== 0xe2) return undefined;
  const divisor = RATE_DIVISORS[versionAndLayer! >> 3 & 3]!;
  const kbits = (divisor === 1 ? KBITS_1 : KBITS_2)[rates! >> 4] ?? 0;
  const rate = RATES[rates! >> 2 & 3];
  if (divisor === 0 || kbits === 0 || rate === undefined) return undefined;
  const sampleRateHz = rate / divisor;
  const samples = divisor === 1 ? 1152 : 576;
  const channels = mode! >> 6 === 3 ? 1 : 2;
  return {
    bytes: Math.floor(samples / 8 * kbits * 1000 / sampleRateHz) +
      (rates! >> 1 & 1),
    samples,
    sampleRateHz,
    channels,
    sideBytes: divisor === 1
      ? (channels === 1 ? 17 : 32)
      : (channels === 1 ? 9 : 17),
  };
}

/** Whether two frames can belong to one stream. */
export function sameStream(a: Mp3Frame, b: Mp3Frame): boolean {
  return a.sampleRateHz === b.sampleRateHz && a.samples === b.samples;
}
