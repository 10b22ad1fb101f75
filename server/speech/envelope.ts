/** What an ear keeps of a frame of audio: how loud, and how bright. */
export interface Envelope {
  /** Level of each frame in dB of full scale, not below {@linkcode SILENCE_DB}. */
  readonly levelDb: number[];
  /** Energy of the signal's slope over the signal's, in dB: does not change with gain. */
  readonly tiltDb: number[];
}

/** Length of a frame. */
export const FRAME_MS = 20;

/** The least level told apart. */
export const SILENCE_DB = -96;

/** Measures audio as it comes, frame by frame. */
export interface EnvelopeMeter {
  readonly envelope: Envelope;
  /** Takes samples from `from` on, until a frame is full or they are used up; returns the index behind the last. */
  take(samples: Int16Array, from: number): number;
}

/** A meter for audio of that rate. */
export function createEnvelopeMeter(sampleRateHz: number): EnvelopeMeter {
  const frame = Math.round(sampleRateHz * FRAME_MS / 1000);
  const envelope: Envelope = { levelDb: [], tiltDb: [] };
  let filled = 0, energy = 0, slope = 0, last = 0;
  return {
    envelope,
    take(samples, from) {
      const end = Math.min(samples.length, from + frame - filled);
      for (let i = from; i < end; i++) {
        const sample = samples[i]!;
        const step = sample - last;
        last = sample;
        energy += sample * sample;
        slope += step * step;
      }
      filled += end - from;
      if (filled === frame) {
        const levelDb = decibels(energy / frame / FULL_SCALE);
        envelope.levelDb.push(levelDb);
        envelope.tiltDb.push(decibels(slope / frame / FULL_SCALE) - levelDb);
        filled = energy = slope = 0;
      }
      return end;
    },
  };
}

/** Measures audio that is all there. */
export function envelopeOf(
  samples: Int16Array,
  sampleRateHz: number,
): Envelope {
  const meter = createEnvelopeMeter(sampleRateHz);
  for (let i = 0; i < samples.length;) i = meter.take(samples, i);
  return meter.envelope;
}

const FULL_SCALE = 32_768 ** 2;

function decibels(power: number): number {
  return Math.max(SILENCE_DB, 10 * Math.log10(power + 1e-12));
}
