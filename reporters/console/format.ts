/** Colour, and what moves the cursor: the only sequences whose end is sure, so that no text goes with them. */
// deno-lint-ignore no-control-regex -- these are what it is about
const escapes = /\u001b\[(?:[?\d][\d;:]*[A-Za-z]|m)/gu;
// deno-lint-ignore no-control-regex -- these are what it is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/gu;
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60\p{Emoji_Presentation}]/gu;
const zeroWidth = /\p{Mark}|\u200b|\u200d|\ufe0f/gu;

/** Text from elsewhere on one line, without what would steer a terminal. What can be printed stays. */
export function plain(text: string): string {
  return text.replace(escapes, "").replace(unprintable, " ").trim();
}

/** Columns that a text takes in a terminal, colour left out. */
export function displayWidth(text: string): number {
  const shown = text.replace(escapes, "").replace(zeroWidth, "");
  return [...shown].length + (shown.match(wide)?.length ?? 0);
}

/** Cuts a text without colour to a width, with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = "";
  for (const character of text) {
    if (displayWidth(cut + character) > width - 1) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}

/** How pieces become lines. */
export interface Wrapping {
  /** Columns of a line. */
  readonly width: number;
  /** What stands before the first piece. @default {""} */
  readonly label?: string;
  /** What stands between two pieces of a line. @default {" · "} */
  readonly separator?: string;
}

/** Joins pieces, with a new line under the first piece where the next would not fit. A piece is never broken. */
export function wrap(
  pieces: readonly string[],
  { width, label = "", separator = " · " }: Wrapping,
): string[] {
  const indent = " ".repeat(displayWidth(label));
  const lines: string[] = [];
  let line: string | undefined;
  for (const piece of pieces) {
    const longer: string = line === undefined
      ? label + piece
      : line + separator + piece;
    if (line === undefined || displayWidth(longer) <= width) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = indent + piece;
  }
  return line === undefined ? lines : [...lines, line];
}

/** Breaks a text between words, and words that no line could hold. */
export function wrapWords(
  text: string,
  { width, label = "" }: Pick<Wrapping, "width" | "label">,
): string[] {
  const room = Math.max(1, width - displayWidth(label));
  const words = text.split(/\s+/u).flatMap((word) => broken(word, room));
  return wrap(words, { width, label, separator: " " });
}

/** A word in pieces of at most so many columns. */
function broken(word: string, room: number): string[] {
  if (displayWidth(word) <= room) return [word];
  const pieces: string[] = [];
  let piece = "";
  for (const character of word) {
    if (displayWidth(piece + character) > room) {
      pieces.push(piece);
      piece = "";
    }
    piece += character;
  }
  return [...pieces, piece];
}

/** Beyond this many characters the middle of a message is left out: what helps often comes last. */
const LONGEST_MESSAGE = 1000;

/** A message from elsewhere in lines under a label, however long it is. */
export function wrapMessage(
  message: string,
  { width, label = "" }: Pick<Wrapping, "width" | "label">,
): string[] {
  const text = plain(message);
  const half = LONGEST_MESSAGE / 2;
  const shown = text.length > LONGEST_MESSAGE
    ? `${text.slice(0, half)} … ${text.slice(-half)}`
    : text;
  return wrapWords(shown, { width, label });
}
