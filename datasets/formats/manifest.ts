import { splitLines } from "../../lib/bytes.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import { orderOf, type OrderOptions } from "../order.ts";
import { openBytes, refuseUtf16 } from "./file_bytes.ts";

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
  /** Separates the file's name from a record's number. */
  readonly mark: string;
  /** Reads the records once. */
  rows(options: RowsOptions): AsyncIterable<RecordResult>;
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
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.length < 64 && !new TextDecoder().decode(bytes).trim();
}

/** An error after which the rest of the file cannot be read. */
export class FileError extends Error {
  /** @param line The line that the error is in, if it is not that of the current record. */
  constructor(message: string, readonly line?: number) {
    super(message);
    this.name = "FileError";
  }
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
): Promise<Manifest> {
  await using stack = new AsyncDisposableStack();
  const file = await openBytes(path);
  stack.defer(() => file.close());
  await refuseUtf16(path, file);
  const whole = file.size <= wholeBytes;
  const entries = () => format.entries(file.all());
  const records: RecordResult[] = [];
  const spans: Span[] = [];
  let line = 0;
  try {
    for await (const { row, ...span } of entries()) {
      ({ line } = span);
      if (whole || records.length < HEAD) records.push(parsed(line, row, true));
      else if (!shuffle) break;
      if (!whole) spans.push(span);
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const place = `${path}:${error.line ?? line}`;
    throw new UsageError(`${place}: ${error.message}`, { cause: error });
  }
  const head = manifestOf(path, records, ":");
  if (whole) return head;
  const read = async (i: number) => {
    const { line, start, end } = spans[i]!;
    const bytes = await file.read(start, end);
    return parsed(line, () => format.row(bytes));
  };
  const held = stack.move();
  return {
    ...head,
    ...(shuffle ? indexed(spans.length, read) : streamed(entries)),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/**
 * Makes a manifest of records that are in memory.
 *
 * @param path The file that they come from, for errors.
 * @param mark Separates the path from a record's number.
 * @throws {UsageError} If there are no records, or none that can be used.
 */
export function manifestOf(
  path: string,
  records: readonly RecordResult[],
  mark = "#",
): Manifest {
  const rows = records.flatMap((each) => "row" in each ? [each.row] : []);
  const [first] = records;
  if (rows.length === 0 && first && "problem" in first) {
    throw new UsageError(`${path}${mark}${first.line}: ${first.problem}`);
  }
  if (rows.length === 0) throw noRecords(path);
  const columns = new Set<string>();
  for (const row of rows) Object.keys(row).forEach((name) => columns.add(name));
  return {
    columns: [...columns],
    head: rows.slice(0, HEAD),
    mark,
    ...indexed(records.length, (i) => Promise.resolve(records[i]!)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** An error for a file without records. */
export function noRecords(path: string): UsageError {
  return new UsageError(`${path}: the file has no records`);
}

type Records = Pick<Manifest, "count" | "rows">;

/** Reads records whose places are known. */
function indexed(
  count: number,
  read: (i: number) => Promise<RecordResult>,
): Records {
  return {
    count,
    async *rows(order) {
      for (const i of orderOf(count, order)) yield await read(i);
    },
  };
}

/** Reads records in the file's own order. */
function streamed(entries: () => AsyncIterable<Entry>): Records {
  return {
    count: undefined,
    async *rows({ limit = Infinity }) {
      let count = 0;
      for await (const { line, row } of entries()) {
        yield parsed(line, row);
        if (++count >= limit) return;
      }
    },
  };
}

function parsed(line: number, row: () => Row, isStrict = false): RecordResult {
  try {
    return { line, row: row() };
  } catch (error) {
    if (isStrict && error instanceof FileError) throw error;
    return { line, problem: messageOf(error) };
  }
}
