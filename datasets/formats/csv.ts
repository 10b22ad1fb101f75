import { type Buffer, isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import { type CsvError, type Info, type Options, parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import {
  type Entry,
  FileError,
  LineError,
  type ManifestFormat,
  type Row,
} from "./manifest_format.ts";

/** How cells are told apart. */
export interface CsvFormatOptions {
  readonly delimiter: string;
  /** What may stand around a cell; empty where quotes are characters as others are. */
  readonly quote: string;
}

/** What usually stands between the cells of a file of this name. */
export function delimiterOf(path: string): string {
  return /\.tsv$/i.test(path) ? "\t" : ",";
}

/** CSV with a header; cells may be quoted, and quoted ones may hold line breaks. */
export function csvFormat(format: CsvFormatOptions): ManifestFormat {
  let header: readonly string[] = [];

  async function* entries(
    bytes: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Entry> {
    let start = 0;
    let first = true;
    for await (const piece of pieces(bytes, format)) {
      const { line, end } = piece;
      if (first) header = checkHeader(piece);
      else yield { line, start, end, row: () => toRow(piece) };
      first = false;
      start = end;
    }
  }

  function toRow({ cells, problem }: Omit<Piece, "line" | "end">): Row {
    if (problem !== undefined) {
      // The rest of the file is in a quote that stays open.
      const isRest = problem === RULES["CSV_QUOTE_NOT_CLOSED"];
      throw isRest ? new FileError(problem) : new Error(problem);
    }
    if (cells.length !== header.length) {
      throw new Error(
        `each record must have the header's ${header.length} cells: current value is ${cells.length}`,
      );
    }
    return Object.fromEntries(header.map((name, i) => [name, cells[i]]));
  }

  function row(bytes: Uint8Array): Row {
    const options = { ...optionsOf(format), info: false };
    const [cells] = parseSync(bytes as never, options) as unknown as Buffer[][];
    return toRow(
      cells ? read(cells) : {
        cells: [],
        problem: MALFORMED,
      },
    );
  }

  return { header: () => header, entries, row };
}

/** A record of the file, or a part of it that is none. */
interface Piece {
  readonly line: number;
  /** The byte after its last. */
  readonly end: number;
  readonly cells: readonly string[];
  readonly problem?: string | undefined;
}

const MALFORMED = "each record must be well-formed CSV";

const AFTER_QUOTE =
  "the file must be CSV, where a closing quote ends its cell: current value has more behind one";

/** What is wrong with a part that is no record, by the parser's codes. */
const RULES: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED:
    "the file must be CSV, where each quote is closed: current value has one that stays open to the end of the file",
  INVALID_OPENING_QUOTE:
    "the file must be CSV, where a quote begins its cell or is twice within one in quotes: current value has one in the midst of a cell",
  CSV_INVALID_CLOSING_QUOTE: AFTER_QUOTE,
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: AFTER_QUOTE,
};

/** Passes over what cannot be read, so that what comes after it can be. */
function optionsOf({ delimiter, quote }: CsvFormatOptions): Options {
  return {
    delimiter,
    quote: quote === "" ? false : quote,
    // Tables with tabs are often written without a thought for quotes.
    relax_quotes: delimiter === "\t",
    // As bytes, since what is not UTF-8 would be read as something else without a word.
    encoding: null,
    info: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
  };
}

/** The texts of cells. */
function read(cells: readonly Buffer[]): Pick<Piece, "cells" | "problem"> {
  const texts = cells.map((cell) => cell.toString());
  const odd = cells.findIndex((cell, i) =>
    !isUtf8(cell) || texts[i]!.includes("\0")
  );
  if (odd < 0) return { cells: texts };
  const is = isUtf8(cells[odd]!) ? "a zero byte" : "other bytes";
  return {
    cells: texts,
    problem: `each cell must be text in UTF-8: current value of cell ${
      odd + 1
    } has ${is}`,
  };
}

async function* pieces(
  bytes: AsyncIterable<Uint8Array>,
  format: CsvFormatOptions,
): AsyncGenerator<Piece> {
  const skipped: CsvError[] = [];
  const options = optionsOf(format);
  const parser = parse({
    ...options,
    on_skip: (error) => {
      if (error) skipped.push(error);
    },
  });
  let skippedBytes = 0;
  const source = Readable.from(withoutMark(bytes, (n) => skippedBytes = n));
  const closed = new Promise((resolve) => source.once("close", resolve));
  source.once("error", (error) => parser.destroy(error));
  source.pipe(parser);
  // In quotes, csv-parse counts CR LF as two lines.
  let tooMany = 0;
  let end = 0;
  const problems = (records: number) =>
    takeSkipped(skipped, records).map((error): Piece => ({
      line: Number(error["lines"]) - tooMany,
      end,
      cells: [],
      problem: RULES[error.code] ?? MALFORMED,
    }));
  try {
    for await (const each of parser) {
      const { record, info } = each as { record: Buffer[]; info: Info };
      yield* problems(info.records - 1);
      const { cells, problem } = read(record);
      tooMany += count(cells, /\r\n/g);
      const line = info.lines - tooMany - count(cells, /\r\n|\r|\n/g);
      end = skippedBytes + info.bytes;
      yield { line, end, cells, problem };
    }
    yield* problems(Infinity);
  } finally {
    parser.destroy();
    source.destroy();
    await closed;
  }
}

/** Bytes without the byte order mark of UTF-8, if they begin with it; the parser by itself would decode them then. */
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

/** What was passed over before there were more than `records` good ones; one error for each place. */
function takeSkipped(skipped: CsvError[], records: number): CsvError[] {
  const later = skipped.findIndex((error) =>
    Number(error["records"]) > records
  );
  const taken = skipped.splice(0, later < 0 ? skipped.length : later);
  return taken.filter((error, i) =>
    i === 0 || error["records"] !== taken[i - 1]?.["records"] ||
    error["lines"] !== taken[i - 1]?.["lines"]
  );
}

function checkHeader({ line, cells, problem }: Piece): readonly string[] {
  if (problem !== undefined) throw new LineError(line, problem);
  const twice = cells.find((name, i) => cells.indexOf(name) !== i);
  if (twice === undefined) return cells;
  throw new LineError(
    line,
    `the header must name each column once: current value has ${
      JSON.stringify(twice)
    } twice`,
  );
}

function count(cells: readonly string[], pattern: RegExp): number {
  return cells.reduce(
    (sum, cell) => sum + (cell.match(pattern)?.length ?? 0),
    0,
  );
}
