import { isUtf8 } from "node:buffer";
import { splitLines } from "../../lib/bytes.ts";
import { messageOf } from "../../plugins/mod.ts";
import { FileError, type ManifestFormat, type Row } from "./manifest.ts";

/** Characters that separate and quote cells. */
export interface CsvFormatOptions {
  readonly delimiter: string;
  /** Quotes cells. Empty if quotes are ordinary characters. */
  readonly quote: string;
}

/** The usual delimiter of a file with this name. */
export function delimiterOf(path: string): string {
  return /\.tsv$/i.test(path) ? "\t" : ",";
}

/** CSV with a header. Quoted cells may contain line breaks. */
export function csvFormat(format: CsvFormatOptions): ManifestFormat {
  let header: readonly string[] = [];

  function rowOf(record: CsvRecord): Row {
    const cells = cellsOf(record);
    if (cells.length !== header.length) {
      throw new Error(
        `each record must have ${header.length} cells as the header does, but has ${cells.length}`,
      );
    }
    return Object.fromEntries(header.map((name, i) => [name, cells[i]]));
  }

  return {
    header: () => header,
    row: (bytes) => rowOf(addLine(newRecord(), bytes, format)),
    async *entries(chunks) {
      let isHeader = true;
      for await (const { record, ...span } of readRecords(chunks, format)) {
        if (isHeader) header = headerOf(record, span.line);
        else yield { ...span, row: () => rowOf(record) };
        isHeader = false;
      }
    },
  };
}

/** The cells of a record, which may not be complete. */
interface CsvRecord {
  readonly cells: string[];
  /** Text of the last cell, if its quote is not closed yet. */
  open?: string | undefined;
  problem?: string;
  isUtf8: boolean;
}

const newRecord = (): CsvRecord => ({ cells: [], isUtf8: true });

async function* readRecords(
  chunks: AsyncIterable<Uint8Array>,
  format: CsvFormatOptions,
) {
  let [line, first, start, end] = [0, 1, 0, 0];
  let record = newRecord();
  for await (const bytes of splitLines(chunks)) {
    line++;
    end += bytes.length;
    addLine(record, bytes, format);
    if (record.open !== undefined) continue;
    if (record.cells.join() !== "") yield { line: first, start, end, record };
    record = newRecord();
    first = line + 1;
    start = end;
  }
  if (record.open !== undefined) yield { line: first, start, end, record };
}

const IN_CELL =
  "a quote must begin its cell, or be doubled within a quoted one, but one is inside a cell";
const AFTER_QUOTE =
  "a closing quote must end its cell, but one has more text behind it";

/** Adds the cells of a line to a record. */
function addLine(
  record: CsvRecord,
  bytes: Uint8Array,
  { delimiter, quote }: CsvFormatOptions,
): CsvRecord {
  const text = new TextDecoder().decode(bytes);
  const line = text.replace(/\r?\n$/, "");
  // Tab-separated tables often have quotes that quote nothing.
  const isRelaxed = delimiter === "\t";
  record.isUtf8 &&= isUtf8(bytes);
  for (let at = 0;;) {
    const isContinued = record.open !== undefined;
    const isQuoted = quote !== "" &&
      (isContinued || line.startsWith(quote, at));
    let cell = "";
    if (isQuoted) {
      if (!isContinued) at++;
      const end = closingQuote(text, quote, at);
      cell = (record.open ?? "") + text.slice(at, end);
      if (end === undefined) {
        record.open = cell;
        return record;
      }
      record.open = undefined;
      at = end + 1;
    }
    const next = line.indexOf(delimiter, at);
    const rest = line.slice(at, next < 0 ? undefined : next);
    if (!isQuoted) cell = rest;
    else if (rest === "") cell = cell.replaceAll(quote + quote, quote);
    else cell = quote + cell + quote + rest;
    const isWrong = isQuoted
      ? rest !== ""
      : quote !== "" && rest.includes(quote);
    if (isWrong && !isRelaxed) {
      record.problem = isQuoted ? AFTER_QUOTE : IN_CELL;
      return record;
    }
    record.cells.push(cell);
    if (next < 0) return record;
    at = next + delimiter.length;
  }
}

/** The offset of the first quote that is not doubled. */
function closingQuote(
  text: string,
  quote: string,
  from: number,
): number | undefined {
  let at = text.indexOf(quote, from);
  while (at >= 0 && text[at + 1] === quote) at = text.indexOf(quote, at + 2);
  return at < 0 ? undefined : at;
}

/** @throws {Error} If the record is not well formed. */
function cellsOf({ cells, open, problem, isUtf8 }: CsvRecord): string[] {
  if (open !== undefined) {
    // A quote that is never closed takes the rest of the file.
    throw new FileError(
      "each quote must be closed, but one is open until the end of the file",
    );
  }
  if (problem !== undefined) throw new Error(problem);
  const odd = cells.findIndex((cell) =>
    cell.includes("\0") || !isUtf8 && cell.includes("\ufffd")
  );
  if (odd < 0) return cells;
  const has = cells[odd]!.includes("\0") ? "a zero byte" : "other bytes";
  throw new Error(
    `each cell must be text in UTF-8, but cell ${odd + 1} has ${has}`,
  );
}

function headerOf(record: CsvRecord, line: number): readonly string[] {
  try {
    const cells = cellsOf(record);
    const twice = cells.find((name, i) => cells.indexOf(name) !== i);
    if (twice === undefined) return cells;
    throw new Error(
      `the header must name each column once, but names ${
        JSON.stringify(twice)
      } twice`,
    );
  } catch (cause) {
    throw new FileError(messageOf(cause), { line, cause });
  }
}
