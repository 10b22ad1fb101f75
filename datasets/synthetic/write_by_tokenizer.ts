import type { Random } from "../../plugins/mod.ts";
import type { Tokenizer } from "../../tokens/mod.ts";
import { otherWork } from "./other_work.ts";
import { drawWord, WORDS } from "./words.ts";
import type { Writer, Writing } from "./writer.ts";

/**
 * Writes texts that have exactly so many tokens under a tokenizer.
 *
 * @throws {Error} If it finds no tokens in English words, of which texts are made.
 */
export function byTokenizer(tokenizer: Tokenizer): Writer {
  if (tokenizer.count(WORDS.join(" ")) === 0) {
    throw new Error(
      "Cannot write texts as 'tokenizer' must find tokens in English words: current value finds 0 in all of them",
    );
  }
  const prices = pricesOf(tokenizer);
  return {
    counter: "tokenizer",
    write: (writing) => settle(draft(writing, prices), writing, prices),
  };
}

/** What the pieces of a text take in tokens, as a rule: few tokenizers look beyond a space. */
interface Prices {
  readonly tokenizer: Tokenizer;
  /** The tokens of a piece in the midst of a text. */
  of(piece: string): number;
  /** Draws a word with a space before it that takes so many tokens at most; undefined where there is none. */
  affordable(tokens: number, chance: Random): string | undefined;
}

const CONTEXT = "the end";

function pricesOf(tokenizer: Tokenizer): Prices {
  const context = tokenizer.count(CONTEXT);
  const known = new Map<string, number>();
  function of(piece: string): number {
    let price = known.get(piece);
    if (price === undefined) {
      price = tokenizer.count(CONTEXT + piece) - context;
      known.set(piece, price);
    }
    return price;
  }
  const words = WORDS.map((word) => ` ${word}`)
    .sort((a, b) => of(a) - of(b));
  return {
    tokenizer,
    of,
    affordable(tokens, chance) {
      const dear = words.findIndex((word) => of(word) > tokens);
      const among = dear < 0 ? words.length : dear;
      return among === 0 ? undefined : words[Math.floor(chance() * among)];
    },
  };
}

/** The pieces of a text that should have the right length by their prices: what it comes after is the first. */
function draft(
  { tokens, opening, after, chance }: Writing,
  prices: Prices,
): string[] {
  const pieces = after ? [after.text] : [];
  let left = tokens;
  for (let i = 0;; i++) {
    const word = opening[i] ?? drawWord(chance);
    const piece = pieces.length > 0 ? ` ${word}` : word;
    const price = pieces.length > 0
      ? prices.of(piece)
      : prices.tokenizer.count(piece);
    if (price > left) return pieces;
    pieces.push(piece);
    // What seems to be free is not, or it would have no end; what is too short is mended later.
    left -= Math.max(1, price);
  }
}

/** How often a text is mended before it is given up. */
const TRIES = 200;

/** Adds and takes away at the end until the length is right. */
async function settle(
  pieces: string[],
  { tokens, after, chance, signal }: Writing,
  prices: Prices,
): Promise<string> {
  const goal = tokens + (after?.tokens ?? 0);
  const kept = after ? 1 : 0;
  for (let i = 0; i < TRIES; i++) {
    if (i > 0) await otherWork();
    signal?.throwIfAborted();
    const text = pieces.join("");
    let missing = goal - await prices.tokenizer.countLong(text);
    if (missing === 0) return text;
    while (missing < 0 && pieces.length > kept) {
      missing += Math.max(1, prices.of(pieces.pop()!));
    }
    while (missing > 0) {
      const piece = prices.affordable(missing, chance) ?? letter(chance);
      pieces.push(pieces.length > 0 ? piece : piece.trimStart());
      missing -= Math.max(1, prices.of(piece));
    }
  }
  throw new Error(
    `Cannot write a text of ${tokens} tokens as the tokenizer must have one: ${TRIES} texts were longer or shorter`,
  );
}

/** A letter, for want of a word that is short enough. */
function letter(chance: Random): string {
  return "abcdefghijklmnopqrstuvwxyz"[Math.floor(chance() * 26)]!;
}
