import type { Random } from "../random.ts";
import { FRAME_MS } from "./envelope.ts";

/** A word and when it sounds. */
export interface TimedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Makes words of a stretch of sound: as many as speech of that pace has, while there is sound.
 *
 * @param startFrame Where the stretch begins in the audio.
 * @returns To be called with the level of each frame.
 */
export function wordsOfSound(
  startFrame: number,
  { random, wordsPerSecond, found }: {
    random: Random;
    wordsPerSecond: number;
    found: (word: TimedWord) => void;
  },
): (levelDb: number) => void {
  const wordMs = 1000 / wordsPerSecond;
  let frames = startFrame;
  let loudMs = 0;
  return (levelDb) => {
    frames++;
    if (levelDb > SOUND_DB) loudMs += FRAME_MS;
    if (loudMs < wordMs) return;
    loudMs -= wordMs;
    const endMs = frames * FRAME_MS;
    found({ text: pseudoWord(random), startMs: endMs - wordMs, endMs });
  };
}

/** What is louder is sound. */
const SOUND_DB = -50;

/** A word of one to three syllables, of no language. */
export function pseudoWord(random: Random): string {
  const pick = (from: string) => from[Math.floor(random() * from.length)]!;
  let word = "";
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    word += pick("bdfgklmnprstvz") + pick("aeiou");
  }
  return word + pick("kmnrst");
}
