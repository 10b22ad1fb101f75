/**
 * Characters that can control a terminal: the control characters of ASCII and Latin-1 except tab and line feed, line and
 * paragraph separators, and overrides of the text direction.
 */
// deno-lint-ignore no-control-regex -- control characters are what it finds
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** The same and the direction marks that some languages need: JSON can escape them without loss. */
const CONTROL_IN_JSON =
  // deno-lint-ignore no-control-regex -- control characters are what it finds
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Replaces the control characters in a text by visible escapes, such as `\x1b`. */
export function visible(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

/**
 * Encodes a value as JSON without control characters and without numbers that JSON does not support: as the value of a
 * key they are left out, and in a list they become text, so that the other items keep their places.
 */
export function plainJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, undefined, indent);
  // Checking each value takes many times as long and is seldom needed.
  return visibleJson(
    text.includes("null")
      ? JSON.stringify(value, withoutUnknown, indent)
      : text,
  );
}

/** Escapes the control characters in JSON, which are all in its strings. The parsed value stays the same. */
export function visibleJson(json: string): string {
  return json.replace(
    CONTROL_IN_JSON,
    (character) => `\\u${hex(character.charCodeAt(0), 4)}`,
  );
}

function withoutUnknown(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  return Array.isArray(this) ? String(value) : undefined;
}

/** Value of a table's cell. An unknown value is an empty cell. */
export type Cell = string | number | boolean | undefined;

/** Encodes a row of a table as CSV (RFC 4180). */
export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return Number.isFinite(cell) ? `${cell}` : "";
  const text = defuse(visible(String(cell).replaceAll("\r\n", "\n")));
  // Some spreadsheets separate cells by semicolons or tabs. Quotes prevent that.
  return /[",;\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Prevents a spreadsheet from running a text as a formula. Texts come from servers and data. */
function defuse(text: string): string {
  return /^[=+\-@\t\n\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
}
