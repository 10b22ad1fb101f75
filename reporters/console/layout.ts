import { styleText } from "node:util";
import type { Tone } from "../summary/model.ts";
import { escapes } from "../summary/text.ts";

/** Appearance of a report. */
export interface Look {
  /** Width of lines in columns. */
  readonly width: number;
  /** Whether trends are drawn with block characters. */
  readonly charts: boolean;
  /** Shows the meaning of a text, unless colour is off. */
  readonly paint: (tone: Tone | undefined, text: string) => string;
}

const STYLES = {
  good: "green",
  warning: "yellow",
  bad: "red",
  minor: "dim",
  strong: "bold",
} as const;

/** Creates a look with or without colour. */
export function createLook(
  { width, color, charts }: {
    readonly width: number;
    readonly color: boolean;
    readonly charts: boolean;
  },
): Look {
  return {
    width,
    charts,
    paint: (tone, text) =>
      color && tone !== undefined && text !== ""
        ? styleText(STYLES[tone], text, { validateStream: false })
        : text,
  };
}

/** Part of a line; one that is absent is left out. */
export type Part = string | false | undefined;

const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60\p{Emoji_Presentation}]/gu;
const zeroWidth = /\p{Mark}|\u200b|\u200d|\ufe0f/gu;

/** Returns the width of a text in terminal columns, without colour. */
export function displayWidth(text: string): number {
  const shown = text.replace(escapes, "").replace(zeroWidth, "");
  return [...shown].length + (shown.match(wide)?.length ?? 0);
}

/** Shortens a text without colour to a width, with an ellipsis. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = "";
  for (const character of text) {
    if (displayWidth(cut + character) > width - 1) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}

/** Options of {@linkcode wrap}. */
export interface Wrapping {
  /** Width of a line in columns. */
  readonly width: number;
  /** Text before the first part. @default {""} */
  readonly label?: string;
  /** Text between two parts of a line. @default {" · "} */
  readonly separator?: string;
}

/** Joins parts to lines of a width. Further lines are indented by the label; a part is never divided. */
export function wrap(
  parts: readonly Part[],
  { width, label = "", separator = " · " }: Wrapping,
): string[] {
  const indent = " ".repeat(displayWidth(label));
  const lines: string[] = [];
  for (const part of parts) {
    if (part === undefined || part === false) continue;
    const line = lines.at(-1);
    const longer = line === undefined ? label + part : line + separator + part;
    if (line === undefined) lines.push(longer);
    else if (displayWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(indent + part);
  }
  return lines;
}

/** Spaces between words; a number with its unit, and `n = 60`, are one word. */
const SPACES = /(?<!\s=)\s+(?!=\s|(?:%|ms|s|MiB)(?:[^\p{L}\p{N}]|$))/u;

/** Divides a text into lines between words, and words that are longer than a line. */
export function wrapWords(
  text: string,
  { width, label = "" }: Pick<Wrapping, "width" | "label">,
): string[] {
  const room = Math.max(1, width - displayWidth(label));
  const words = text.split(SPACES).flatMap((word) => splitWord(word, room));
  return wrap(words, { width, label, separator: " " });
}

/** Divides a word into parts of a maximum width. */
function splitWord(word: string, room: number): string[] {
  if (displayWidth(word) <= room) return [word];
  const parts: string[] = [];
  let part = "";
  for (const character of word) {
    if (displayWidth(part + character) > room) {
      parts.push(part);
      part = "";
    }
    part += character;
  }
  return [...parts, part];
}

/** Adds spaces to a width, before or after the text. */
export function pad(
  text: string,
  width: number,
  align: "left" | "right" = "left",
): string {
  const spaces = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + spaces : spaces + text;
}
