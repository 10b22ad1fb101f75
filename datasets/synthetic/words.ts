import { type Random, random } from "../../plugins/mod.ts";
import lines from "./words.json" with { type: "json" };

/** Common English words, shortest first: most tokenizers have a token for each. */
export const WORDS: readonly string[] = lines.join(" ").split(" ");

/** The words by their length. */
const BY_LENGTH = Map.groupBy(WORDS, ({ length }) => length);

/** Number of words of at most three letters. */
const SHORT = WORDS.filter(({ length }) => length <= 3).length;

/**
 * Draws a word. Half of them are short, as in English, and one in seven ends a sentence, so that a text has about
 * four characters a token.
 */
export function drawWord(draw: Random): string {
  const count = draw() < 0.5 ? SHORT : WORDS.length;
  const word = WORDS[Math.floor(draw() * count)]!;
  return draw() < 1 / 7 ? `${word}.` : word;
}

/** Draws a word of 1 to 10 letters. */
export function wordOfLength(length: number, draw: Random): string {
  const words = BY_LENGTH.get(length)!;
  return words[Math.floor(draw() * words.length)]!;
}

/** Number of words in an opening. */
const OPENING_WORDS = 3;

/** Number of different openings: 134 million. */
const OPENINGS = WORDS.length ** OPENING_WORDS;

/** An odd number: multiplying by it permutes the numbers below {@linkcode OPENINGS}, a power of 2. */
const MIXER = 0x2545f491;

/**
 * Returns the words that open text number `n`, any integer. No two texts within 134 million have the same three words;
 * of 512 consecutive texts no two have the same first word. The seed determines where the sequence begins.
 */
export function openingsOf(seed: number): (n: number) => string[] {
  const start = Math.floor(random(seed, "synthetic/openings")() * OPENINGS);
  return (n) => {
    const code = (Math.imul(n, MIXER) + start) & (OPENINGS - 1);
    return Array.from(
      { length: OPENING_WORDS },
      (_, i) => WORDS[Math.floor(code / WORDS.length ** i) % WORDS.length]!,
    );
  };
}
