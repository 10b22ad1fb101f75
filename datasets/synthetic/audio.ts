import { encodeWav, resample, toPcm16 } from "../../audio/mod.ts";
import { type Audio, random } from "../../plugins/mod.ts";
import { SPEECH_NOISE_HZ, speechNoise } from "./speech_noise.ts";

/** What an utterance without words is to be. */
export interface AudioWanted {
  readonly id: string;
  readonly durationMs: number;
  readonly seed: number;
}

/** Noise in the shape of speech: made each time that it is asked for, always the same. */
export function syntheticAudio({ id, durationMs, seed }: AudioWanted): Audio {
  const pcm16 = async (sampleRateHz: number) => {
    const chance = random(seed, `synthetic/audio/${id}`);
    const noise = await speechNoise(durationMs, chance);
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
