import { stripVTControlCharacters } from "node:util";
import { Buffer, isUtf8 } from "node:buffer";
import { distance } from "fastest-levenshtein";

/**
 * Text that grows by pieces. `+=` would keep each piece as a string of its own, with 32 bytes beside it: several times
 * the memory of a text that arrives word by word.
 */
export class JoinedText {
  #text = "";
  #recent: string[] = [];

  /** Adds a piece at the end. */
  add(piece: string): void {
    this.#recent.push(piece);
    if (this.#recent.length >= PIECES_AT_ONCE) this.#join();
  }

  /** Returns the whole text. */
  toString(): string {
    this.#join();
    return this.#text;
  }

  #join(): void {
    this.#text += this.#recent.join("");
    this.#recent = [];
  }
}

/** Number of pieces that are joined into one string. */
const PIECES_AT_ONCE = 1024;

/**
 * Returns the candidate that was most likely meant, for "did you mean": the one with the fewest edits, letter case
 * aside, if these are at most a third of its length, or one that begins with the name.
 *
 * @returns Undefined if no candidate is near, or the name is a candidate itself.
 */
export function nearest(
  name: string,
  candidates: Iterable<string>,
): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === name) return undefined;
    const known = candidate.toLowerCase();
    const begins = wanted.length >= 3 && known.startsWith(wanted);
    const edits = begins ? Math.min(1, known.length) : distance(wanted, known);
    if (edits < least && edits < Math.max(wanted.length, known.length)) {
      [best, least] = [candidate, edits];
    }
  }
  return best;
}

/** The end of an error about an unknown name: `; did you mean "audio"?`, or empty if no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

/** Quotes the first 20 of some names, for an error. */
export function quotedNames(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name));
  return shown.join(", ") + (names.length > 20 ? ", …" : "");
}

/**
 * Decodes UTF-8 in pieces that may be cut anywhere, without a byte order mark at the beginning. It distinguishes invalid
 * bytes from a U+FFFD in the text.
 */
export class StrictUtf8 {
  #rest: Buffer = Buffer.alloc(0);
  #isBeginning = true;

  /** Decodes the next bytes: `text` ends before the first line with invalid bytes, `broken` is the rest. */
  read(piece: Buffer): { readonly text: string; readonly broken?: string } {
    const bytes = this.#rest.length > 0
      ? Buffer.concat([this.#rest, piece])
      : piece;
    const end = bytes.length - cutLength(bytes);
    this.#rest = bytes.subarray(end);
    const text = bytes.toString("utf8", 0, end);
    // If nothing was replaced, all bytes are valid.
    const at = text.includes(REPLACED)
      ? brokenLine(bytes.subarray(0, end))
      : undefined;
    if (at === undefined) return { text: this.#unmarked(text) };
    return {
      text: this.#unmarked(bytes.toString("utf8", 0, at)),
      broken: bytes.toString("utf8", at),
    };
  }

  /** Decodes an incomplete character at the end. */
  end(): string {
    return this.#unmarked(this.#rest.toString());
  }

  #unmarked(text: string): string {
    if (!this.#isBeginning || text === "") return text;
    this.#isBeginning = false;
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }
}

const BYTE_ORDER_MARK = "\uFEFF";

/** The replacement for invalid bytes. */
const REPLACED = "\uFFFD";

/** Number of bytes at the end that begin an incomplete character. */
function cutLength(bytes: Buffer): number {
  const most = Math.min(3, bytes.length);
  for (let length = 1; length <= most; length++) {
    const byte = bytes[bytes.length - length]!;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    // The first byte of a character gives the number of its bytes.
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length < needed ? length : 0;
  }
  return 0;
}

/** Position of the first line with invalid bytes; `undefined` if all lines are valid. */
function brokenLine(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined;
  let start = 0;
  for (const [i, byte] of bytes.entries()) {
    if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) continue;
    if (!isUtf8(bytes.subarray(start, i))) return start;
    start = i + 1;
  }
  return start;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Removes the colour codes of a terminal. */
export function stripColors(text: string): string {
  return text.includes("\x1b") ? stripVTControlCharacters(text) : text;
}
