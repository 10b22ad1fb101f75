/**
 * The mean of all channels: what a listener with one ear hears.
 *
 * @throws {RangeError} without a channel, or with channels of different lengths
 */
export function downmix(
  channels: readonly Float32Array<ArrayBuffer>[],
): Float32Array<ArrayBuffer> {
  const [first, ...others] = channels;
  if (first === undefined) {
    throw new RangeError(
      "Cannot downmix as there must be a channel: current value is 0",
    );
  }
  if (others.length === 0) return first;
  const mixed = new Float32Array(first.length);
  for (let i = 0; i < mixed.length; i++) {
    let sum = first[i]!;
    for (const other of others) sum += sampleAt(other, i, first.length);
    mixed[i] = sum / channels.length;
  }
  return mixed;
}

function sampleAt(samples: Float32Array, at: number, length: number): number {
  if (samples.length === length) return samples[at]!;
  const message =
    `Cannot downmix as channels must be of one length: current value is ${samples.length} beside ${length}`;
  throw new RangeError(message);
}

/**
 * Samples as signed 16-bit integers: `round(sample · 32768)`, clamped to -32768…32767, no dither.
 *
 * The factor is that by which decoders divide, so that 16-bit audio passes through bit for bit; with
 * 32767 almost every sample would change. The price is that exactly +1.0 becomes 32767.
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
 * Consecutive pieces of `samplesPerChunk` samples, the last with what is left; views, not copies.
 *
 * @throws {RangeError} without samples, or where `samplesPerChunk` is no whole number from 1
 */
export function chunksOf(
  pcm: Int16Array<ArrayBuffer>,
  samplesPerChunk: number,
): Int16Array<ArrayBuffer>[] {
  if (!Number.isSafeInteger(samplesPerChunk) || samplesPerChunk < 1) {
    const message =
      `Cannot cut audio as a chunk must hold a whole number of samples: current value is ${samplesPerChunk}`;
    throw new RangeError(message);
  }
  if (pcm.length === 0) {
    throw new RangeError(
      "Cannot cut audio as there must be a sample: current value is 0",
    );
  }
  const count = Math.ceil(pcm.length / samplesPerChunk);
  return Array.from(
    { length: count },
    (_, i) => pcm.subarray(i * samplesPerChunk, (i + 1) * samplesPerChunk),
  );
}
