import type { Buffer } from "node:buffer";

/** What a server said with its code in front, unless it says that itself. */
export function withCode(message: string, code: string | undefined): string {
  if (!code || message.includes(code)) return message;
  return message ? `${code}: ${message}` : code;
}

/** What stands for the rest of a text. */
export const CUT = "…";

/** Enough of a text to know it by. */
export function snippet(text: string): string {
  return text.length > 300 ? text.slice(0, 300) + CUT : text;
}

/**
 * Enough of a text to know it by; `undefined` where it looks like binary data, as a compressed body does whose header
 * does not say so.
 */
export function readable(text: string): string | undefined {
  const start = snippet(text);
  const replaced = start.split("\uFFFD").length - 1;
  return BINARY.test(start) || replaced * 10 > start.length ? undefined : start;
}

/** Controls that no text has. Bell, backspace and escape are those of texts for a terminal. */
// deno-lint-ignore no-control-regex -- these are what it is about
const BINARY = /[\0-\x06\x0e-\x1a\x1c-\x1f]/;

/** Bytes that should be text: as text where they can be read, or else the first of them in hexadecimal. */
export function shownBytes(bytes: Buffer): string {
  return readable(bytes.toString("utf8", 0, SHOWN_BYTES)) ??
    `bytes that are not text (${
      bytes.toString("hex", 0, 16).replace(/..(?=.)/g, "$& ")
    }${bytes.length > 16 ? " …" : ""})`;
}

/** More than {@linkcode snippet} leaves. */
const SHOWN_BYTES = 2048;

/** What came where something else was wanted. */
export function found(text: string): string {
  return snippet(text.trim()) || "empty";
}
