import type { Random } from "../random.ts";

/** A word and when it ends in the audio. */
export interface TimedWord {
  readonly text: string;
  readonly endMs: number;
}

/** Makes words of any audio: as many as speech of that pace has, while there is sound. */
export function createPseudoSpeech(
  { sampleRateHz, random, wordsPerSecond }: {
    sampleRateHz: number;
    random: Random;
    wordsPerSecond: number;
  },
): { readonly words: TimedWord[]; audio(samples: Int16Array): void } {
  const words: TimedWord[] = [];
  const frame = Math.round(sampleRateHz * 0.02);
  let filled = 0, energy = 0, frames = 0, loudMs = 0;
  return {
    words,
    audio(samples) {
      for (let i = 0; i < samples.length; i++) {
        energy += samples[i]! * samples[i]!;
        if (++filled < frame) continue;
        frames++;
        if (energy / filled > 100 * 100) loudMs += 20;
        filled = energy = 0;
        if (loudMs >= 1000 / wordsPerSecond) {
          loudMs -= 1000 / wordsPerSecond;
          words.push({ text: pseudoWord(random), endMs: frames * 20 });
        }
      }
    },
  };
}

/** A word of one to three syllables that no language has on purpose. */
export function pseudoWord(random: Random): string {
  const pick = (from: string) => from[Math.floor(random() * from.length)]!;
  let word = "";
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    word += pick("bdfgklmnprstvz") + pick("aeiou");
  }
  return word + pick("kmnrst");
}
