import { yieldToEventLoop } from "../../lib/event_loop.ts";
import type { Random } from "../../plugins/mod.ts";
import { CHARACTERS_PER_TOKEN, type Tokenizer } from "../../tokens/mod.ts";
import { drawWord, wordOfLength, WORDS } from "./words.ts";

/** A text with a known number of tokens. */
export interface CountedText {
  readonly text: string;
  readonly tokens: number;
}

/** A text to write. */
export interface WriteOptions {
  /** Number of tokens. */
  readonly tokens: number;
  /** The first words, as far as there is room for them. */
  readonly opening: readonly string[];
  /** Text to continue: the result begins with it and has the tokens of both. @default {none} */
  readonly after?: CountedText | undefined;
  /** Draws the words. */
  readonly random: Random;
  /** Cancels the work. */
  readonly signal?: AbortSignal | undefined;
}

/** Writes texts of a given length. */
export interface Writer {
  /** How tokens are counted. */
  readonly counter: "tokenizer" | "characters";
  /**
   * Writes a text with exactly the given number of tokens.
   *
   * @throws {Error} If the tokenizer has no such text, or the signal is aborted.
   */
  write(options: WriteOptions): Promise<string>;
}

/** Writes texts whose tokens are estimated from their characters. */
export const characterWriter: Writer = {
  counter: "characters",
  write: (options) => Promise.resolve(writeCharacters(options)),
};

function writeCharacters(
  { tokens, opening, after, random }: WriteOptions,
): string {
  const words = after ? [after.text] : [];
  const { text: head, tokens: before } = after ?? { text: "", tokens: 0 };
  let room = (before + tokens) * CHARACTERS_PER_TOKEN - head.length;
  for (let i = 0;; i++) {
    const space = words.length > 0 ? 1 : 0;
    const word = opening[i] ?? drawWord(random);
    const fits = space + word.length <= room;
    if (!fits && room - space < 1) return words.join(" ");
    const chosen = fits ? word : wordOfLength(room - space, random);
    words.push(chosen);
    room -= space + chosen.length;
  }
}

/**
 * Creates a writer of texts whose tokens a tokenizer counts.
 *
 * @throws {Error} If the tokenizer finds no tokens in English words.
 */
export function tokenizerWriter(tokenizer: Tokenizer): Writer {
  if (tokenizer.count(WORDS.join(" ")) === 0) {
    throw new Error(
      "tokenizer: must find tokens in English words, but finds none",
    );
  }
  const prices = pricesOf(tokenizer);
  return {
    counter: "tokenizer",
    write: (options) => adjust(draft(options, prices), options, prices),
  };
}

/** The number of tokens that pieces of a text usually have: few tokenizers look beyond a space. */
interface Prices {
  readonly tokenizer: Tokenizer;
  /** Returns the tokens of a piece in the middle of a text. */
  of(piece: string): number;
  /** Draws a word, with a space before it, of at most this many tokens; undefined if no word fits. */
  draw(maxTokens: number, random: Random): string | undefined;
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
  const words = WORDS.map((word) => ` ${word}`).sort((a, b) => of(a) - of(b));
  return {
    tokenizer,
    of,
    draw(maxTokens, random) {
      const tooLong = words.findIndex((word) => of(word) > maxTokens);
      const count = tooLong < 0 ? words.length : tooLong;
      return count === 0 ? undefined : words[Math.floor(random() * count)];
    },
  };
}

/** Draws the pieces of a text that has about the right length. The text to continue is the first piece. */
function draft(
  { tokens, opening, after, random }: WriteOptions,
  prices: Prices,
): string[] {
  const pieces = after ? [after.text] : [];
  let left = tokens;
  for (let i = 0;; i++) {
    const word = opening[i] ?? drawWord(random);
    const piece = pieces.length > 0 ? ` ${word}` : word;
    const price = pieces.length > 0
      ? prices.of(piece)
      : prices.tokenizer.count(piece);
    if (price > left) return pieces;
    pieces.push(piece);
    // A piece of no tokens counts as one, so that the loop ends; the length is corrected later.
    left -= Math.max(1, price);
  }
}

/** Number of corrections after which a text is given up. */
const MAX_CORRECTIONS = 200;

/** Adds and removes pieces at the end until the length is exact. */
async function adjust(
  pieces: string[],
  { tokens, after, random, signal }: WriteOptions,
  prices: Prices,
): Promise<string> {
  const goal = tokens + (after?.tokens ?? 0);
  const kept = after ? 1 : 0;
  for (let i = 0; i < MAX_CORRECTIONS; i++) {
    if (i > 0) await yieldToEventLoop();
    signal?.throwIfAborted();
    const text = pieces.join("");
    let missing = goal - await prices.tokenizer.countLong(text);
    if (missing === 0) return text;
    while (missing < 0 && pieces.length > kept) {
      missing += Math.max(1, prices.of(pieces.pop()!));
    }
    while (missing > 0) {
      const piece = prices.draw(missing, random) ?? drawLetter(random);
      pieces.push(pieces.length > 0 ? piece : piece.trimStart());
      missing -= Math.max(1, prices.of(piece));
    }
  }
  throw new Error(
    `tokenizer: found no text of ${tokens} tokens in ${MAX_CORRECTIONS} attempts`,
  );
}

function drawLetter(random: Random): string {
  return "abcdefghijklmnopqrstuvwxyz"[Math.floor(random() * 26)]!;
}
