import type { Random } from "../random.ts";
import { pseudoWord } from "../speech/words.ts";

/**
 * The tokens of a text, which joined give it back. A token is a stretch of at most {@linkcode TOKEN_BYTES} bytes of
 * UTF-8, cut at whole characters; white space begins a new one, and is the start of the word behind it.
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

/** How many tokens a text has. */
export function countTokens(text: string): number {
  return tokensOf(text).length;
}

/** A token's number: its bytes behind a one, base 256. No number below 256 is a token of text. */
export function tokenId(token: string): number {
  let id = 1;
  for (const byte of encoder.encode(token)) id = id * 256 + byte;
  return id;
}

/** The start of a text, with at least its first `count` tokens. */
export function startOf(text: string, count: number): string {
  return text.slice(0, count * TOKEN_BYTES);
}

/** The bytes that a number stands for; none for one that is no token of text. */
function tokenBytes(id: number): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(id)) return new Uint8Array();
  const bytes: number[] = [];
  for (; id >= 256; id = Math.floor(id / 256)) bytes.unshift(id % 256);
  return id === 1 ? Uint8Array.from(bytes) : new Uint8Array();
}

/** Exactly that many tokens of words of no language; with a space ahead where they go on behind others. */
export function pseudoTokens(
  count: number,
  random: Random,
  goesOn = false,
): string[] {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const space = goesOn || tokens.length > 0 ? " " : "";
    tokens.push(...tokensOf(space + pseudoWord(random)));
  }
  tokens.length = count;
  return tokens;
}

/** As many as fit, behind a one, into a number that JSON and a double keep exactly. */
const TOKEN_BYTES = 6;

const encoder = new TextEncoder();

function bytesOf(character: string): number {
  const point = character.codePointAt(0)!;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
}

/** The text of tokens by their numbers. */
export function textOfIds(ids: readonly number[]): string {
  const bytes = ids.flatMap((id) => [...tokenBytes(id)]);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    Uint8Array.from(bytes),
  );
}
