import { Buffer, isUtf8 } from "node:buffer";

/** Decodes UTF-8 in pieces that may be cut anywhere. It distinguishes invalid bytes from a U+FFFD in the text. */
export interface StrictUtf8 {
  /** Decodes the next bytes: `text` ends before the first line with invalid bytes, `broken` is the rest. */
  read(bytes: Buffer): { readonly text: string; readonly broken?: string };
  /** Decodes an incomplete character at the end. */
  end(): string;
}

/** Creates a decoder. It leaves out a byte order mark at the beginning. */
export function strictUtf8(): StrictUtf8 {
  let rest: Buffer = Buffer.alloc(0);
  let isBeginning = true;

  function unmarked(text: string): string {
    if (!isBeginning || text === "") return text;
    isBeginning = false;
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }

  return {
    read(piece) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
      const end = bytes.length - cutLength(bytes);
      rest = bytes.subarray(end);
      const text = bytes.toString("utf8", 0, end);
      // If nothing was replaced, all bytes are valid.
      if (!text.includes(REPLACED)) return { text: unmarked(text) };
      const at = brokenLine(bytes.subarray(0, end));
      if (at === undefined) return { text: unmarked(text) };
      return {
        text: unmarked(bytes.toString("utf8", 0, at)),
        broken: bytes.toString("utf8", at),
      };
    },
    end: () => unmarked(rest.toString()),
  };
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
    if (byte >= 0xc0) return length < lengthOf(byte) ? length : 0;
  }
  return 0;
}

/** Number of bytes of a character, by its first byte. */
function lengthOf(first: number): number {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

/** Position of the first line with invalid bytes; `undefined` if all lines are valid. */
function brokenLine(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined;
  let start = 0;
  for (const [i, byte] of bytes.entries()) {
    if (byte !== LF && byte !== CR) continue;
    if (!isUtf8(bytes.subarray(start, i))) return start;
    start = i + 1;
  }
  return start;
}

const LF = 10;
const CR = 13;
