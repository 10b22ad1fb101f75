import type { Random } from "../../plugins/mod.ts";
import { otherWork } from "./other_work.ts";

/** Samples per second of the noise. */
export const SPEECH_NOISE_HZ = 16_000;

/** Work at a stretch, in samples: some milliseconds. */
const SLICE = 2 * SPEECH_NOISE_HZ;

/**
 * Noise in the shape of speech, and without a word in it: the long-term spectrum of a voice, flat up to some 500 Hz
 * and falling from there, in syllables of a fifth of a second or so, with pauses between phrases. The same for the
 * same stream of chance.
 *
 * @returns Shape `[samples]`, from -1 to 1, at {@linkcode SPEECH_NOISE_HZ}.
 */
export async function speechNoise(
  durationMs: number,
  chance: Random,
): Promise<Float32Array<ArrayBuffer>> {
  const samples = new Float32Array(
    Math.round(durationMs * SPEECH_NOISE_HZ / 1000),
  );
  const voice = voiceOf(chance);
  const loudness = syllables(chance);
  for (let i = 0; i < samples.length; i++) {
    if (i > 0 && i % SLICE === 0) await otherWork();
    samples[i] = Math.max(-1, Math.min(1, voice() * loudness()));
  }
  return samples;
}

/** Brings syllables at their loudest to some -20 dB of full scale, as telephones like it. */
const GAIN = 1.3;

/** White noise through filters of one pole each: what is below 100 Hz goes, above 500 Hz less and less is left. */
function voiceOf(chance: Random): () => number {
  const [rumble, first, second] = [100, 500, 1500].map(poleOf);
  let low = 0;
  let mid = 0;
  let high = 0;
  return () => {
    const white = 2 * chance() - 1;
    mid += first! * (white - mid);
    high += second! * (mid - high);
    low += rumble! * (high - low);
    return GAIN * (high - low);
  };
}

/** How far a one-pole filter with this cutoff goes toward its input with each sample. */
function poleOf(cutoffHz: number): number {
  return 1 - Math.exp(-2 * Math.PI * cutoffHz / SPEECH_NOISE_HZ);
}

/** What is left between syllables, as a ratio of their loudest. */
const BETWEEN = 0.1;

/** The loudness of each sample in turn: a pause, then phrases of syllables with pauses between. */
function syllables(chance: Random): () => number {
  const between = (least: number, most: number) =>
    least + chance() * (most - least);
  let left = 0;
  let at = 0;
  let length = 0;
  let peak = 0;
  function next(): void {
    at = 0;
    const isPause = left === 0;
    left = isPause ? Math.round(between(6, 14)) : left - 1;
    const seconds = isPause ? between(0.2, 0.7) : between(0.12, 0.32);
    length = Math.round(seconds * SPEECH_NOISE_HZ);
    peak = isPause ? 0 : between(0.5, 1);
  }
  return () => {
    if (at === length) next();
    const phase = Math.sin(Math.PI * at++ / length);
    return peak * (BETWEEN + (1 - BETWEEN) * phase * phase);
  };
}
