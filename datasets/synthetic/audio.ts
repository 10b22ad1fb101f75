import { encodeWav, resample, toPcm16 } from "../../audio/mod.ts";
import { yieldToEventLoop } from "../../lib/event_loop.ts";
import { type Audio, type Random, random } from "../../plugins/mod.ts";

/** Audio to make. */
export interface SyntheticAudioOptions {
  readonly id: string;
  readonly durationMs: number;
  readonly seed: number;
}

/** Speech-shaped noise. It is made each time it is needed, and is always the same. */
export function syntheticAudio(
  { id, durationMs, seed }: SyntheticAudioOptions,
): Audio {
  const pcm16 = async (sampleRateHz: number) => {
    const draw = random(seed, `synthetic/audio/${id}`);
    const noise = await speechNoise(durationMs, draw);
    return toPcm16(resample(noise, SPEECH_NOISE_HZ, sampleRateHz));
  };
  return {
    id,
    durationMs,
    pcm16,
    file: async () => ({
      bytes: encodeWav(await pcm16(SPEECH_NOISE_HZ), SPEECH_NOISE_HZ),
      mediaType: "audio/wav",
      name: `${id}.wav`,
    }),
  };
}

/** Sample rate of the noise. */
export const SPEECH_NOISE_HZ = 16_000;

/** Samples made between two pauses: some milliseconds of work. */
const SLICE_SAMPLES = 2 * SPEECH_NOISE_HZ;

/**
 * Makes noise that has the shape of speech but no words: the long-term spectrum of a voice, flat up to about 500 Hz
 * and falling above it, in syllables of about a fifth of a second, with pauses between phrases. The same random
 * stream gives the same noise.
 *
 * @returns Shape `[samples]`, from -1 to 1, at {@linkcode SPEECH_NOISE_HZ}.
 */
export async function speechNoise(
  durationMs: number,
  draw: Random,
): Promise<Float32Array<ArrayBuffer>> {
  const samples = new Float32Array(
    Math.round(durationMs * SPEECH_NOISE_HZ / 1000),
  );
  const voice = voiceOf(draw);
  const loudness = syllables(draw);
  for (let i = 0; i < samples.length; i++) {
    if (i > 0 && i % SLICE_SAMPLES === 0) await yieldToEventLoop();
    samples[i] = Math.max(-1, Math.min(1, voice() * loudness()));
  }
  return samples;
}

/** Puts the loudest syllables at about -20 dB of full scale, as in telephony. */
const GAIN = 1.3;

/** White noise through one-pole filters that remove what is below 100 Hz and weaken what is above 500 Hz. */
function voiceOf(draw: Random): () => number {
  const [rumble, first, second] = [100, 500, 1500].map(poleOf);
  let low = 0;
  let mid = 0;
  let high = 0;
  return () => {
    const white = 2 * draw() - 1;
    mid += first! * (white - mid);
    high += second! * (mid - high);
    low += rumble! * (high - low);
    return GAIN * (high - low);
  };
}

/** Coefficient of a one-pole filter: the step toward its input at each sample. */
function poleOf(cutoffHz: number): number {
  return 1 - Math.exp(-2 * Math.PI * cutoffHz / SPEECH_NOISE_HZ);
}

/** Loudness between syllables, as a ratio of their peak. */
const BETWEEN = 0.1;

/** The loudness of each sample in order: a pause, then phrases of syllables with pauses between. */
function syllables(draw: Random): () => number {
  const between = (min: number, max: number) => min + draw() * (max - min);
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
