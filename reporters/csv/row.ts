import { visible } from "../safe_text.ts";

/** What a cell may hold; what is not known is an empty cell. */
export type Cell = string | number | boolean | undefined;

/** A row of a table as RFC 4180 has it. */
export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(quoted).join(",")}\r\n`;
}

function quoted(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return Number.isFinite(cell) ? `${cell}` : "";
  const text = defused(visible(String(cell).replaceAll("\r\n", "\n")));
  // Some spreadsheets separate cells by semicolons or tabs: within quotes none of these begins another cell.
  return /[",;\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Spreadsheets run what begins like a formula, in some languages by wide signs too; texts come from servers and data. */
function defused(text: string): string {
  return /^[=+\-@\t\n\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
}
