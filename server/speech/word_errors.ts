import type { Random } from "../random.ts";
import { pseudoWord } from "./words.ts";

/**
 * What a recognizer of that word error rate makes of a word: itself, mostly; else another word, none, or it and one
 * more, in the shares 3 : 1 : 1. Each word has one error at most, so that the expected rate is `rate`.
 *
 * @returns The words said.
 */
export function withErrors(
  word: string,
  { rate, random }: { rate: number; random: Random },
): readonly string[] {
  if (random() >= rate) return [word];
  const kind = random() * 5;
  if (kind < 3) return [otherWord(word, random)];
  return kind < 4 ? [] : [word, otherWord(word, random)];
}

/** A word of no language that differs from this one. */
function otherWord(word: string, random: Random): string {
  let other = pseudoWord(random);
  while (other === word) other = pseudoWord(random);
  return other;
}
