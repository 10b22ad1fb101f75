import { type Buffer, isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import { type CsvError, type Info, type Options, parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import {
  type Entry,
  FileError,
  type ManifestFormat,
  type Row,
} from "./manifest.ts";

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

  async function* entries(
    bytes: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Entry> {
    let start = 0;
    let count = 0;
    for await (const record of readRecords(bytes, format)) {
      const { line, end } = record;
      if (count++ === 0) header = headerOf(record);
      else yield { line, start, end, row: () => rowOf(record) };
      start = end;
    }
    if (count === 1) {
      throw new FileError("the file has no records below its header", 1);
    }
  }

  function rowOf({ cells, problem }: Cells): Row {
    if (problem !== undefined) {
      // A quote that is never closed takes the rest of the file.
      throw problem === UNCLOSED ? new FileError(problem) : new Error(problem);
    }
    if (cells.length !== header.length) {
      throw new Error(
        `each record must have ${header.length} cells as the header does, but has ${cells.length}`,
      );
    }
    return Object.fromEntries(header.map((name, i) => [name, cells[i]]));
  }

  function row(bytes: Uint8Array): Row {
    const options = { ...parserOptions(format), info: false };
    const [cells] = parseSync(bytes as never, options) as unknown as Buffer[][];
    return rowOf(cells ? decoded(cells) : { cells: [], problem: MALFORMED });
  }

  return { entries, row };
}

/** The cells of a record, or the reason why they cannot be used. */
interface Cells {
  readonly cells: readonly string[];
  readonly problem?: string | undefined;
}

interface CsvRecord extends Cells {
  readonly line: number;
  /** Offset after its last byte. */
  readonly end: number;
}

const MALFORMED = "each record must be well-formed CSV";
const UNCLOSED =
  "each quote must be closed, but one is open until the end of the file";
const AFTER_QUOTE =
  "a closing quote must end its cell, but one has more text behind it";

/** Problems by the parser's error codes. */
const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: UNCLOSED,
  INVALID_OPENING_QUOTE:
    "a quote must begin its cell, or be doubled within a quoted one, but one is inside a cell",
  CSV_INVALID_CLOSING_QUOTE: AFTER_QUOTE,
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: AFTER_QUOTE,
};

/** Options with which the parser skips malformed records and continues after them. */
function parserOptions({ delimiter, quote }: CsvFormatOptions): Options {
  return {
    delimiter,
    quote: quote === "" ? false : quote,
    // Tab-separated tables often have quotes that quote nothing.
    relax_quotes: delimiter === "\t",
    // Bytes, because the parser would silently replace what is not UTF-8.
    encoding: null,
    info: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
  };
}

function decoded(cells: readonly Buffer[]): Cells {
  const texts = cells.map((cell) => cell.toString());
  const odd = cells.findIndex((cell, i) =>
    !isUtf8(cell) || texts[i]!.includes("\0")
  );
  if (odd < 0) return { cells: texts };
  const has = isUtf8(cells[odd]!) ? "a zero byte" : "other bytes";
  return {
    cells: texts,
    problem: `each cell must be text in UTF-8, but cell ${odd + 1} has ${has}`,
  };
}

async function* readRecords(
  bytes: AsyncIterable<Uint8Array>,
  format: CsvFormatOptions,
): AsyncGenerator<CsvRecord> {
  const skipped: CsvError[] = [];
  const parser = parse({
    ...parserOptions(format),
    on_skip: (error) => {
      if (error) skipped.push(error);
    },
  });
  let markBytes = 0;
  const source = Readable.from(withoutMark(bytes, (n) => markBytes = n));
  const closed = new Promise((resolve) => source.once("close", resolve));
  source.once("error", (error) => parser.destroy(error));
  source.pipe(parser);
  // The parser counts CR LF as two lines if it is in quotes.
  let excessLines = 0;
  let end = 0;
  const malformed = (before: number) =>
    takeSkipped(skipped, before).map((error): CsvRecord => ({
      line: Number(error["lines"]) - excessLines,
      end,
      cells: [],
      problem: PROBLEMS[error.code] ?? MALFORMED,
    }));
  try {
    for await (const each of parser) {
      const { record, info } = each as { record: Buffer[]; info: Info };
      yield* malformed(info.records - 1);
      const { cells, problem } = decoded(record);
      excessLines += count(cells, /\r\n/g);
      const line = info.lines - excessLines - count(cells, /\r\n|\r|\n/g);
      end = markBytes + info.bytes;
      yield { line, end, cells, problem };
    }
    yield* malformed(Infinity);
  } finally {
    parser.destroy();
    source.destroy();
    await closed;
  }
}

/** Removes the byte order mark of UTF-8, which would make the parser decode the bytes. */
async function* withoutMark(
  bytes: AsyncIterable<Uint8Array>,
  skip: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const chunk of bytes) {
    const isMarked = isFirst && MARK.every((byte, i) => chunk[i] === byte);
    isFirst = false;
    if (isMarked) skip(MARK.length);
    yield isMarked ? chunk.subarray(MARK.length) : chunk;
  }
}

const MARK = [0xef, 0xbb, 0xbf];

/** Removes the errors before record number `records` from the list; one for each place. */
function takeSkipped(skipped: CsvError[], records: number): CsvError[] {
  const later = skipped.findIndex((error) =>
    Number(error["records"]) > records
  );
  const taken = skipped.splice(0, later < 0 ? skipped.length : later);
  return taken.filter((error, i) =>
    error["records"] !== taken[i - 1]?.["records"] ||
    error["lines"] !== taken[i - 1]?.["lines"]
  );
}

function headerOf({ line, cells, problem }: CsvRecord): readonly string[] {
  const twice = cells.find((name, i) => cells.indexOf(name) !== i);
  const message = problem ??
    (twice !== undefined &&
      `the header must name each column once, but names ${
        JSON.stringify(twice)
      } twice`);
  if (message) throw new FileError(message, line);
  return cells;
}

function count(cells: readonly string[], pattern: RegExp): number {
  return cells.reduce(
    (sum, cell) => sum + (cell.match(pattern)?.length ?? 0),
    0,
  );
}
