/** Escape sequences for colour and cursor movement. Others have no certain end, so that text could be lost with them. */
// deno-lint-ignore no-control-regex -- control characters are what it finds
export const escapes = /\u001b\[(?:[?\d][\d;:]*[A-Za-z]|m)/gu;
// deno-lint-ignore no-control-regex -- control characters are what it finds
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/gu;

/** Returns a text on one line, without escape sequences and control characters. Printable characters are kept. */
export function plain(text: string): string {
  return text.replace(escapes, "").replace(unprintable, " ").trim();
}

/** Maximum number of characters of a message. */
export const LONGEST_MESSAGE = 1000;

/** Maximum number of characters of a name. */
export const LONGEST_NAME = 120;

/** Returns a message on one line. The middle of a long one is left out, as its end is often helpful. */
export function message(text: string): string {
  return shortened(text, LONGEST_MESSAGE);
}

/** Returns a name on one line. The middle of a long one is left out. */
export function nameOf(text: string): string {
  return shortened(text, LONGEST_NAME);
}

function shortened(text: string, longest: number): string {
  // What is cut off is not searched: a server may send a megabyte.
  const half = Math.floor(longest / 2);
  const ends = text.length > 4 * longest
    ? `${text.slice(0, 2 * longest)} … ${text.slice(-2 * longest)}`
    : text;
  const line = plain(ends);
  return line.length > longest
    ? `${line.slice(0, half)} … ${line.slice(-half)}`.toWellFormed()
    : line;
}
