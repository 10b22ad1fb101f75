import type { Random } from "../../lib/random.ts";
import { pseudoWord } from "../speech/words.ts";

/** Bytes of a token: as many as fit, after a one, into a number that JSON and a double keep exactly. */
const TOKEN_BYTES = 6;

/**
 * Cuts a text into its tokens, which joined are the text. A token is at most {@linkcode TOKEN_BYTES} bytes of UTF-8, cut
 * at whole characters. White space starts a new token and belongs to the word after it.
 */
export function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let token = "";
  let bytes = 0;
  let inWord = false;
  for (const character of text) {
    const size = bytesOf(character);
    const isSpace = /\s/.test(character);
    if (token && (bytes + size > TOKEN_BYTES || (isSpace && inWord))) {
      tokens.push(token);
      token = "";
      bytes = 0;
    }
    token += character;
    bytes += size;
    inWord = !isSpace;
  }
  if (token) tokens.push(token);
  return tokens;
}

function bytesOf(character: string): number {
  const point = character.codePointAt(0)!;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
}

/** Counts the tokens of a text. */
export function countTokens(text: string): number {
  return tokensOf(text).length;
}

/** The start of a text, with at least its first `count` tokens. */
export function startOf(text: string, count: number): string {
  return text.slice(0, count * TOKEN_BYTES);
}

/** A token's id: a one and its bytes, base 256. No text has an id below 256. */
export function tokenId(token: string): number {
  let id = 1;
  for (const byte of encoder.encode(token)) id = id * 256 + byte;
  return id;
}

const encoder = new TextEncoder();

/** The text of token ids. Ids without a text are left out. */
export function textOfIds(ids: readonly number[]): string {
  const bytes = Uint8Array.from(ids.flatMap(bytesOfId));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function bytesOfId(id: number): number[] {
  if (!Number.isSafeInteger(id)) return [];
  const bytes: number[] = [];
  for (; id >= 256; id = Math.floor(id / 256)) bytes.unshift(id % 256);
  return id === 1 ? bytes : [];
}

/**
 * Makes up exactly `count` tokens of words of no language.
 *
 * @param follows Whether the words follow others, so that the first has a space before it.
 */
export function pseudoTokens(
  count: number,
  random: Random,
  follows = false,
): string[] {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const space = follows || tokens.length > 0 ? " " : "";
    tokens.push(...tokensOf(space + pseudoWord(random)));
  }
  tokens.length = count;
  return tokens;
}
