import lines from "./words.json" with { type: "json" };
import { yieldToEventLoop } from "../../lib/event_loop.ts";
import {
  messageOf,
  type Random,
  random,
  UsageError,
} from "../../plugins/mod.ts";
import type { PrefixGroup } from "./options.ts";
import {
  CHARACTERS_PER_TOKEN,
  openTokenizer,
  type Tokenizer,
} from "../../tokens/mod.ts";

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

/**
 * Writes a text with exactly the given number of tokens.
 *
 * @throws {Error} If the tokenizer has no such text, or the signal is aborted.
 */
export type Writer = (options: WriteOptions) => Promise<string>;

/** Writes texts whose tokens are estimated from their characters. */
export const characterWriter: Writer = (options) =>
  Promise.resolve(writeCharacters(options));

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
  return (options) => writeTokens(options, prices);
}

/**
 * Creates a writer of texts whose tokens a tokenizer file counts.
 *
 * @throws {UsageError} If the file cannot be read or used.
 */
export async function openWriter(path: string): Promise<Writer> {
  try {
    return tokenizerWriter(await openTokenizer(path));
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
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

/** Number of corrections after which a text is given up. */
const MAX_CORRECTIONS = 200;

/** Adds and removes words at the end until the length is exact. The text to continue is the first piece. */
async function writeTokens(
  { tokens, opening, after, random, signal }: WriteOptions,
  { tokenizer, of, draw }: Prices,
): Promise<string> {
  const goal = tokens + (after?.tokens ?? 0);
  const pieces = after ? [after.text] : [];
  const kept = pieces.length;
  for (let i = 0; i < MAX_CORRECTIONS; i++) {
    if (i > 0) await yieldToEventLoop();
    signal?.throwIfAborted();
    const text = pieces.join("");
    let missing = goal - await tokenizer.countLong(text);
    if (missing === 0) return text;
    // A piece of no tokens counts as one, so that the loops end.
    while (missing < 0 && pieces.length > kept) {
      missing += Math.max(1, of(pieces.pop()!));
    }
    while (missing > 0) {
      const word = ` ${opening[pieces.length - kept] ?? drawWord(random)}`;
      const piece = of(word) <= missing
        ? word
        : draw(missing, random) ?? drawLetter(random);
      pieces.push(pieces.length > 0 ? piece : piece.trimStart());
      missing -= Math.max(1, of(piece));
    }
  }
  throw new Error(
    `tokenizer: found no text of ${tokens} tokens in ${MAX_CORRECTIONS} attempts`,
  );
}

function drawLetter(random: Random): string {
  return "abcdefghijklmnopqrstuvwxyz"[Math.floor(random() * 26)]!;
}

/** Common English words, shortest first: most tokenizers have a token for each. */
export const WORDS: readonly string[] = lines.join(" ").split(" ");

/** The words by their length. */
const BY_LENGTH = Map.groupBy(WORDS, ({ length }) => length);

/** Number of words of at most three letters. */
const SHORT = WORDS.filter(({ length }) => length <= 3).length;

/**
 * Draws a word. About 60 % of them are short, as in English, and one in seven ends a sentence, so that a text has about
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

/** Returns the prefix of a session, by its number. A prefix is written when it is first used. */
export type Prefixes = (session: number) => Promise<CountedText>;

/** Creates the prefixes for one seed. */
export function prefixesOf(
  groups: readonly PrefixGroup[],
  { seed, writer }: { readonly seed: number; readonly writer: Writer },
): Prefixes {
  const openings = openingsOf(seed);
  const written = new Map<number, Promise<CountedText>>();
  async function write(tokens: number, index: number): Promise<CountedText> {
    const text = await writer({
      tokens,
      random: random(seed, `synthetic/prefix/${index}`),
      // Below 0, where the openings of prompts never are.
      opening: openings(-1 - index),
    });
    return { text, tokens };
  }
  return (session) => {
    const draw = random(seed, `synthetic/prefix-of/${session}`);
    const { group, first } = drawGroup(groups, draw());
    const index = first + Math.floor(draw() * group.count);
    const prefix = written.get(index) ?? write(group.tokens, index);
    written.set(index, prefix);
    return prefix;
  };
}

/** Returns the group that a uniform number falls into, and the number of prefixes of the groups before it. */
function drawGroup(groups: readonly PrefixGroup[], uniform: number) {
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  let left = uniform * total;
  let first = 0;
  let drawn = { group: groups[0]!, first };
  for (const group of groups) {
    if (group.weight > 0) drawn = { group, first };
    if (left < group.weight) break;
    left -= group.weight;
    first += group.count;
  }
  return drawn;
}
