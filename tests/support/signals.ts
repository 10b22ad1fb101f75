/** Signals and files for tests of audio. */

/** A sine of amplitude 0.5. */
export function sine(
  frequencyHz: number,
  rateHz: number,
  samples: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: samples },
    (_, i) => 0.5 * Math.sin(2 * Math.PI * frequencyHz * i / rateHz),
  );
}

/** The signal in every file of testdata/: half a second that rises from 200 Hz to 1,600 Hz. */
export function chirp(rateHz: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(chirpPcm16(rateHz), (sample) => sample / 32768);
}

/** The same signal as integers. */
export function chirpPcm16(rateHz: number): Int16Array<ArrayBuffer> {
  return Int16Array.from({ length: rateHz / 2 }, (_, i) => {
    const t = i / rateHz;
    return Math.round(
      16384 * Math.sin(2 * Math.PI * (200 * t + 1400 * t * t)),
    );
  });
}

/** Returns the ratio of `signal` to its difference from `noisy`, in dB. */
export function snrDb(
  signal: Float32Array,
  noisy: Float32Array,
  { skip = 0 }: { skip?: number } = {},
): number {
  let power = 0;
  let noise = 0;
  for (let i = skip; i < signal.length - skip; i++) {
    power += signal[i]! ** 2;
    noise += (signal[i]! - noisy[i]!) ** 2;
  }
  return 10 * Math.log10(power / noise);
}

/** Returns the root mean square without `skip` samples at either end. */
export function rms(samples: Float32Array, skip = 0): number {
  const inner = samples.subarray(skip, samples.length - skip);
  return Math.sqrt(inner.reduce((sum, x) => sum + x * x, 0) / inner.length);
}

/** A file of testdata/. */
export function fixture(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(
    new URL(`../../audio/testdata/${name}`, import.meta.url),
  );
}

/** Returns a RIFF chunk with its size and, if that is odd, padding. */
export function chunk(
  id: string,
  body: Uint8Array,
  { size = body.length }: { size?: number } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + body.length + body.length % 2);
  bytes.set(new TextEncoder().encode(id));
  new DataView(bytes.buffer).setUint32(4, size, true);
  bytes.set(body, 8);
  return bytes;
}

/** The body of a fmt chunk. */
export function fmt(
  { tag = 1, channels = 1, rateHz = 16_000, bits = 16, subTag }: {
    tag?: number;
    channels?: number;
    rateHz?: number;
    bits?: number;
    /** Makes it an extensible one, whose true tag this is. */
    subTag?: number;
  } = {},
): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(subTag === undefined ? 16 : 40));
  const frameBytes = channels * bits / 8;
  view.setUint16(0, subTag === undefined ? tag : 0xfffe, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, rateHz, true);
  view.setUint32(8, rateHz * frameBytes, true);
  view.setUint16(12, frameBytes, true);
  view.setUint16(14, bits, true);
  if (subTag !== undefined) {
    view.setUint16(16, 22, true);
    view.setUint16(18, bits, true);
    view.setUint16(24, subTag, true);
  }
  return new Uint8Array(view.buffer);
}

/** A RIFF file of chunks. */
export function riff(
  chunks: readonly Uint8Array[],
  { form = "RIFF", size }: { form?: string; size?: number } = {},
): Uint8Array<ArrayBuffer> {
  const body = concat([new TextEncoder().encode("WAVE"), ...chunks]);
  return chunk(form, body, { size: size ?? body.length });
}

/** Joins byte arrays. */
export function concat(
  pieces: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/**
 * Returns a mono 16-bit FLAC file of constant frames, so that hours of audio are small and quick to create.
 *
 * @param frames each a block of 4096 samples
 * @param level the constant of a frame; 0 by default
 */
export function constantFlac(
  frames: number,
  { rateHz = 16_000, level = () => 0 }: {
    rateHz?: 8_000 | 16_000 | 48_000;
    level?: (frame: number) => number;
  } = {},
): Uint8Array<ArrayBuffer> {
  const samples = frames * FLAC_BLOCK;
  const bytes = new Uint8Array(42 + frames * 16);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("fLaC"));
  view.setUint32(4, 0x8000_0022); // the last block of metadata, 34 bytes
  view.setUint16(8, FLAC_BLOCK);
  view.setUint16(10, FLAC_BLOCK);
  const high = Math.floor(samples / 2 ** 32);
  view.setUint32(18, (rateHz << 12 | 15 << 4 | high) >>> 0);
  view.setUint32(22, samples >>> 0);
  const rateCode = { 8_000: 4, 16_000: 5, 48_000: 10 }[rateHz];
  let at = 42;
  for (let frame = 0; frame < frames; frame++) {
    const start = at;
    for (const byte of [0xff, 0xf8, 0xc0 | rateCode, 8]) bytes[at++] = byte;
    for (const byte of flacNumber(frame)) bytes[at++] = byte;
    bytes[at] = crc(bytes, start, at, { width: 8, polynomial: 0x07 });
    at += 2; // a subframe of type 0: constant
    view.setInt16(at, level(frame));
    at += 2;
    view.setUint16(
      at,
      crc(bytes, start, at, { width: 16, polynomial: 0x8005 }),
    );
    at += 2;
  }
  return bytes.slice(0, at);
}

const FLAC_BLOCK = 4096;

/** Encodes a frame's number as FLAC does: UTF-8, extended to 36 bits. */
function flacNumber(value: number): number[] {
  if (value < 0x80) return [value];
  const tail: number[] = [];
  let rest = value;
  let room = 64;
  do {
    tail.unshift(0x80 | rest % 64);
    rest = Math.floor(rest / 64);
    room /= 2;
  } while (rest >= room);
  return [0xfe << 6 - tail.length & 0xff | rest, ...tail];
}

function crc(
  bytes: Uint8Array,
  start: number,
  end: number,
  { width, polynomial }: { width: 8 | 16; polynomial: number },
): number {
  const top = 1 << width - 1;
  let value = 0;
  for (let i = start; i < end; i++) {
    value ^= bytes[i]! << width - 8;
    for (let bit = 0; bit < 8; bit++) {
      value = value & top ? value << 1 ^ polynomial : value << 1;
    }
    value &= 2 ** width - 1;
  }
  return value;
}
