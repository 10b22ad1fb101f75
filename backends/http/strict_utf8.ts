import { Buffer, isUtf8 } from "node:buffer";

/** Decodes UTF-8 that may be cut anywhere, and tells bytes that are none from a U+FFFD that a server has sent. */
export interface StrictUtf8 {
  /** The next bytes: what they say up to the first line with bytes that are no UTF-8, and what can be made of the rest. */
  read(bytes: Buffer): { readonly text: string; readonly broken?: string };
  /** What can be made of a character whose rest never came. */
  end(): string;
}

/** Opens a decoder. It leaves out a byte order mark at the beginning. */
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
      // Where nothing had to be replaced, nothing is broken.
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

/** What stands for bytes that are no UTF-8. */
const REPLACED = "\uFFFD";

/** How many bytes at the end begin a character that has not come whole. */
function cutLength(bytes: Buffer): number {
  const most = Math.min(3, bytes.length);
  for (let length = 1; length <= most; length++) {
    const byte = bytes[bytes.length - length]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return length < lengthOf(byte) ? length : 0;
  }
  return 0;
}

/** How many bytes a character has, by its first one. */
function lengthOf(first: number): number {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

/** Where the first line begins that is no UTF-8; `undefined` if all are. */
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
