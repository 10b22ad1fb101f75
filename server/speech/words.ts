import type { Random } from "../../lib/random.ts";

/** A word and when it sounds. */
export interface TimedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Makes up a word of one to three syllables, of no language. */
export function pseudoWord(random: Random): string {
  const pick = (from: string) => from[Math.floor(random() * from.length)]!;
  let word = "";
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    word += pick("bdfgklmnprstvz") + pick("aeiou");
  }
  return word + pick("kmnrst");
}

/**
 * Recognizes a word with errors, at a word error rate: the result is the word itself, another word, no word, or the word
 * and one more; substitutions, deletions and insertions come 3 : 1 : 1. A word has one error at most, so that the expected
 * rate is `rate`.
 */
export function withErrors(
  word: string,
  { rate, random }: { rate: number; random: Random },
): readonly string[] {
  if (rate <= 0 || random() >= rate) return [word];
  const kind = random() * 5;
  if (kind < 3) return [otherWord(word, random)];
  return kind < 4 ? [] : [word, otherWord(word, random)];
}

function otherWord(word: string, random: Random): string {
  let other = pseudoWord(random);
  while (other === word) other = pseudoWord(random);
  return other;
}
