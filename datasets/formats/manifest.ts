import { splitLines } from "../../lib/bytes.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import { orderOf, type OrderOptions, pickItems } from "../order.ts";
import { type FileBytes, openBytes, refuseUtf16 } from "./file_bytes.ts";

/** One record: its values by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A record that was read: its number, and its values or the reason why it has none. */
export type RecordResult =
  & { readonly line: number }
  & ({ readonly row: Row } | { readonly problem: string });

/** A file of records that is open. */
export interface Manifest extends AsyncDisposable {
  /** Column names in order of appearance. Of a large file, those of its first records. */
  readonly columns: readonly string[];
  /** The first records, from which the use of each column is guessed. */
  readonly head: readonly Row[];
  /** Number of records. `undefined` for a large file that is read in its own order. */
  readonly count: number | undefined;
  /** Separates the file's name from a record's number. @default {"#"} */
  readonly mark?: string;
  /** Reads the records once. */
  rows(options: RowsOptions): AsyncIterable<RecordResult>;
}

/** The item made of a record, or `undefined` to skip the record. */
export type Made<Item> = Item | undefined | Promise<Item | undefined>;

/** A manifest whose records can be filtered by their values. */
export interface FileManifest extends Manifest {
  /** Reads the records once and maps them. Records that `make` skips do not count towards the limit. */
  items<Item>(
    options: RowsOptions,
    make: (record: RecordResult) => Made<Item>,
  ): AsyncIterable<Item>;
}

/** Options for reading records. */
export interface RowsOptions extends OrderOptions {
  /** The columns that are needed: a format may skip the others. @default {all} */
  readonly columns?: readonly string[] | undefined;
  /** Stops reads that are in progress. */
  readonly signal?: AbortSignal | undefined;
}

/** Options for opening a manifest. */
export interface ManifestOptions {
  /** Whether the records are read in random order. */
  readonly shuffle: boolean;
  /** Files up to this size are kept in memory and checked completely. @default {64 MiB} */
  readonly wholeBytes?: number;
}

/** The place of a record in its file. */
export interface Span {
  /** Number of the line that it begins on, from 1. */
  readonly line: number;
  /** Offset of its first byte. */
  readonly start: number;
  /** Offset after its last byte. */
  readonly end: number;
}

/** A record that was found but not yet parsed. */
export interface Entry extends Span {
  /**
   * Parses the record.
   *
   * @throws {FileError} If the rest of the file cannot be read either.
   * @throws {Error} If the record cannot be parsed. The message does not name the line.
   */
  row(): Row;
}

/** Divides a file into records and parses them. */
export interface ManifestFormat {
  /** Column names that are fixed before the first record, as in a CSV header. Known once `entries` began. */
  header?(): readonly string[];
  /** Divides a file into records. */
  entries(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Entry>;
  /** Parses a single record, after `entries` began once. */
  row(bytes: Uint8Array): Row;
}

/** Makes a format in which each line that is not blank is a record. */
export function lineFormat(row: (line: Uint8Array) => Row): ManifestFormat {
  return { entries: (chunks) => lineEntries(chunks, row), row };
}

async function* lineEntries(
  chunks: AsyncIterable<Uint8Array>,
  row: (line: Uint8Array) => Row,
): AsyncGenerator<Entry> {
  let line = 0;
  let start = 0;
  for await (const bytes of splitLines(chunks)) {
    line++;
    const end = start + bytes.length;
    if (!isBlank(bytes)) yield { line, start, end, row: () => row(bytes) };
    start = end;
  }
}

/** Whether bytes are only white space and a byte order mark. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.length < 64 && !new TextDecoder().decode(bytes).trim();
}

/** An error after which the rest of the file cannot be read. */
export class FileError extends Error {
  /** The line that the error is in, if it is not that of the current record. */
  readonly line: number | undefined;

  /** Creates the error. */
  constructor(message: string, { line, ...options }: FileErrorOptions = {}) {
    super(message, options);
    this.name = "FileError";
    this.line = line;
  }
}

interface FileErrorOptions extends ErrorOptions {
  readonly line?: number;
}

/** Number of records that are kept as the head, and that are checked of a large file before the run. */
const HEAD = 100;

/**
 * Opens a manifest. A file of ordinary size is checked completely before the run. Of a large one only the first
 * records are checked, and the rest while it is read. A record that cannot be parsed is reported as a problem; the
 * others are still read.
 *
 * @throws {UsageError} If it cannot be read, has no records, or none of them can be parsed.
 */
export async function openManifest(
  path: string,
  format: ManifestFormat,
  { shuffle, wholeBytes = 64 * 2 ** 20 }: ManifestOptions,
): Promise<FileManifest> {
  const file = await openBytes(path);
  try {
    await refuseUtf16(path, file);
    const whole = file.size <= wholeBytes;
    const source = whole ? inMemory(await file.read(0, file.size)) : file;
    const entries = () => format.entries(source.all());
    const head = await readHead(path, format, entries(), whole);
    const spans = whole
      ? head.spans
      : shuffle
      ? await readSpans(path, entries())
      : undefined;
    const read = async (i: number): Promise<RecordResult> => {
      const { line, start, end, problem } = spans![i]!;
      if (problem !== undefined) return { line, problem };
      const bytes = await source.read(start, end);
      return parsed(line, () => format.row(bytes));
    };
    return {
      columns: format.header?.() ?? [...head.columns],
      head: head.rows,
      mark: ":",
      ...(spans ? indexed(spans.length, read) : streamed(entries)),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Makes a manifest of records that are in memory.
 *
 * @param path The file that they come from, for errors.
 * @throws {UsageError} If there are no records, or none that can be used.
 */
export function manifestOf(
  path: string,
  records: readonly RecordResult[],
): FileManifest {
  const rows = records.flatMap((each) => "row" in each ? [each.row] : []);
  if (rows.length === 0) {
    const [first] = records;
    throw first && "problem" in first
      ? recordError(`${path}#${first.line}`, first.problem)
      : noRecords(path);
  }
  return {
    columns: [...new Set(rows.flatMap((row) => Object.keys(row)))],
    head: rows.slice(0, HEAD),
    ...indexed(records.length, (i) => Promise.resolve(records[i]!)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** An error for a file without records. */
export function noRecords(path: string, where = ""): UsageError {
  return new UsageError(`${path}: the file has no records${where}`);
}

type Readers = Pick<FileManifest, "count" | "rows" | "items">;

/** Reads records whose places are known. */
function indexed(
  count: number,
  read: (i: number) => Promise<RecordResult>,
): Readers {
  return {
    count,
    async *rows(order) {
      for (const i of orderOf(count, order)) yield await read(i);
    },
    items: (order, make) =>
      pickItems(count, order, async (i) => make(await read(i))),
  };
}

/** Reads records in the file's own order. */
function streamed(entries: () => AsyncIterable<Entry>): Readers {
  const items: Readers["items"] = async function* (
    { limit = Infinity },
    make,
  ) {
    let count = 0;
    for await (const { line, row } of entries()) {
      const item = await make(parsed(line, row));
      if (item === undefined) continue;
      yield item;
      if (++count >= limit) return;
    }
  };
  return {
    count: undefined,
    items,
    rows: (options) => items(options, (record) => record),
  };
}

function inMemory(bytes: Uint8Array): Pick<FileBytes, "read" | "all"> {
  return {
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
    async *all() {
      yield await Promise.resolve(bytes);
    },
  };
}

/** The place of a record, and the reason why it cannot be parsed if that is known. */
interface CheckedSpan extends Span {
  readonly problem?: string;
}

/** Parses all records, or only the first ones. */
async function readHead(
  path: string,
  format: ManifestFormat,
  entries: AsyncIterable<Entry>,
  whole: boolean,
) {
  const columns = new Set<string>();
  const rows: Row[] = [];
  const spans: CheckedSpan[] = [];
  let wrong: UsageError | undefined;
  try {
    for await (const { row, ...span } of entries) {
      try {
        const values = row();
        for (const name of Object.keys(values)) columns.add(name);
        if (rows.length < HEAD) rows.push(values);
        spans.push(span);
      } catch (cause) {
        const problem = messageOf(cause);
        wrong ??= recordError(`${path}:${span.line}`, problem, cause);
        if (cause instanceof FileError) throw wrong;
        spans.push({ ...span, problem });
      }
      if (!whole && spans.length >= HEAD) break;
    }
  } catch (error) {
    throw inFile(path, error);
  }
  if (rows.length > 0) return { columns, rows, spans };
  const hasHeader = (format.header?.() ?? []).length > 0;
  throw wrong ?? noRecords(path, hasHeader ? " below its header" : "");
}

async function readSpans(
  path: string,
  entries: AsyncIterable<Entry>,
): Promise<CheckedSpan[]> {
  const spans: Span[] = [];
  try {
    for await (const { line, start, end } of entries) {
      spans.push({ line, start, end });
    }
  } catch (error) {
    throw inFile(path, error);
  }
  return spans;
}

function inFile(path: string, error: unknown): unknown {
  return error instanceof FileError
    ? recordError(`${path}:${error.line}`, error.message, error)
    : error;
}

/** @param path The file with the record's number. */
function recordError(
  path: string,
  message: string,
  cause?: unknown,
): UsageError {
  return new UsageError(`${path}: ${message}`, {
    problems: [{ path, message }],
    ...(cause !== undefined && { cause }),
  });
}

function parsed(line: number, row: () => Row): RecordResult {
  try {
    return { line, row: row() };
  } catch (error) {
    return { line, problem: messageOf(error) };
  }
}
