import { styleText } from "node:util";
import type { Bounds, Unit } from "../../plugins/mod.ts";

/** Emphasis of a text. */
export type Emphasis = "bold" | "dim" | "green" | "yellow" | "red";

/** Appearance of a report. */
export interface Look {
  /** Width of lines in columns. */
  readonly width: number;
  /** Adds emphasis to a text, unless colour is off. */
  readonly paint: (emphasis: Emphasis, text: string) => string;
}

/** Creates a look with or without colour. */
export function createLook(options: { width: number; color: boolean }): Look {
  const { width, color } = options;
  return {
    width,
    paint: (emphasis, text) =>
      color ? styleText(emphasis, text, { validateStream: false }) : text,
  };
}

/** Returns the colour of a verdict. */
export function verdictColor(status: string): Emphasis {
  if (status === "valid") return "green";
  return status === "failed" ? "red" : "yellow";
}

/** Formats a number: one decimal below 10, two below 0.1, none above. Only 0 is shown as 0. */
export function rounded(value: number): string {
  const size = Math.abs(value);
  if (size >= 9_999_999.5) return value.toExponential(1);
  if (size >= 9.95) return value.toFixed(0);
  if (size > 0 && size < 0.0095) return value.toPrecision(1);
  return value.toFixed(size > 0 && size < 0.095 ? 2 : 1);
}

/** Formats a value of a metric: whole counts without decimals, ratios near 1 with two. */
export function formatValue(value: number, unit: Unit): string {
  if (unit === "ratio" && Math.abs(value) < 9.995) return value.toFixed(2);
  const counts = unit === "tokens" || unit === "count";
  return counts && Number.isInteger(value) && value < 1e7
    ? String(value)
    : rounded(value);
}

/** Formats a share as a percentage with one decimal below 100. Only 1 is shown as 100 %. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 0.0095) return `${rounded(value)} %`;
  if (value > 99.9 && value < 100) return "> 99.9 %";
  const digits = value < 0.095 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

/** Formats a number of things: `1 request`, `2 requests`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Part of a line; one that is absent is left out. */
export type Part = string | false | undefined;

/** Formats a value if there is one. */
export function optional(
  value: number | undefined,
  format: (value: number) => string,
): string | undefined {
  return value === undefined ? undefined : format(value);
}

/** Formats a confidence interval if there is one: `201–230`. */
export function formatInterval(
  bounds: Bounds | undefined,
  format: (value: number) => string,
): string | undefined {
  return bounds && `${format(bounds.lower)}–${format(bounds.upper)}`;
}

/** Formats milliseconds as seconds. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Formats a factor, such as RTFx. */
export function times(factor: number): string {
  return `${factor < 9.95 ? factor.toFixed(1) : factor.toFixed(0)}x`;
}

/** Escape sequences for colour and cursor movement. Others have no certain end, so that text could be lost with them. */
// deno-lint-ignore no-control-regex -- control characters are what it finds
const escapes = /\u001b\[(?:[?\d][\d;:]*[A-Za-z]|m)/gu;
// deno-lint-ignore no-control-regex -- control characters are what it finds
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/gu;
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60\p{Emoji_Presentation}]/gu;
const zeroWidth = /\p{Mark}|\u200b|\u200d|\ufe0f/gu;

/** Returns a text on one line, without escape sequences and control characters. Printable characters are kept. */
export function plain(text: string): string {
  return text.replace(escapes, "").replace(unprintable, " ").trim();
}

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

/** Divides a text into lines between words, and words that are longer than a line. */
export function wrapWords(
  text: string,
  { width, label = "" }: Pick<Wrapping, "width" | "label">,
): string[] {
  const room = Math.max(1, width - displayWidth(label));
  const words = text.split(/\s+/u).flatMap((word) => splitWord(word, room));
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

/** Maximum number of characters of a message. The middle of longer ones is left out, as their end is often helpful. */
const LONGEST_MESSAGE = 1000;

/** Formats a message of a server as lines after a label. */
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
