/**
 * Mixes to mono: the mean of all channels.
 *
 * @throws {RangeError} Without a channel, or if channels have different lengths.
 */
export function downmix(
  channels: readonly Float32Array<ArrayBuffer>[],
): Float32Array<ArrayBuffer> {
  const [first, ...others] = channels;
  if (first === undefined) {
    throw new RangeError("audio must have a channel, but has 0");
  }
  if (others.length === 0) return first;
  const odd = others.find(({ length }) => length !== first.length);
  if (odd) {
    throw new RangeError(
      `all channels must have ${first.length} samples, but one has ${odd.length}`,
    );
  }
  const mixed = new Float32Array(first.length);
  for (let i = 0; i < mixed.length; i++) {
    let sum = first[i]!;
    for (const other of others) sum += other[i]!;
    mixed[i] = sum / channels.length;
  }
  return mixed;
}

/**
 * Converts samples to signed 16-bit integers: `round(sample · 32768)`, clamped to -32768…32767, without dither.
 *
 * Decoders divide by the same factor, so 16-bit audio stays the same bit for bit; with 32767 almost every sample would
 * change. Only +1.0 becomes 32767.
 */
export function toPcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < pcm.length; i++) {
    const scaled = Math.round(samples[i]! * 32768);
    pcm[i] = scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : scaled;
  }
  return pcm;
}

/**
 * Divides samples into chunks of `samplesPerChunk`, the last with the rest. Returns views, not copies.
 *
 * @throws {RangeError} Without samples, or if `samplesPerChunk` is not a whole number from 1.
 */
export function chunksOf(
  pcm: Int16Array<ArrayBuffer>,
  samplesPerChunk: number,
): Int16Array<ArrayBuffer>[] {
  if (!Number.isSafeInteger(samplesPerChunk) || samplesPerChunk < 1) {
    throw new RangeError(
      `samplesPerChunk must be a whole number from 1, but was ${samplesPerChunk}`,
    );
  }
  if (pcm.length === 0) {
    throw new RangeError("audio must have a sample, but has 0");
  }
  const count = Math.ceil(pcm.length / samplesPerChunk);
  return Array.from(
    { length: count },
    (_, i) => pcm.subarray(i * samplesPerChunk, (i + 1) * samplesPerChunk),
  );
}

/** Joins consecutive samples. */
export function joinSamples(
  parts: readonly Float32Array[],
): Float32Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** @throws {RangeError} If the rate is not a whole number from 1. */
export function requireRate(sampleRateHz: number): number {
  if (Number.isSafeInteger(sampleRateHz) && sampleRateHz >= 1) {
    return sampleRateHz;
  }
  throw new RangeError(
    `the sample rate must be a whole number of Hz from 1, but was ${sampleRateHz}`,
  );
}
