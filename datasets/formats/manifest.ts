import { messageOf, UsageError } from "../../plugins/mod.ts";
import { type FileBytes, openBytes, refuseUtf16 } from "./file_bytes.ts";
import {
  type Entry,
  FileError,
  LineError,
  type ManifestFormat,
  type Row,
  type Span,
} from "./manifest_format.ts";
import type { OrderOptions } from "../order.ts";
import { listed, picked } from "../picked.ts";

/** One record when its turn has come: its values, or why it has none. */
export type Met =
  & { readonly line: number }
  & ({ readonly row: Row } | { readonly problem: string });

/** A manifest that has been looked into. */
export interface Manifest extends AsyncDisposable {
  /** Its columns, in order of appearance: of a large file, those of its first records. */
  readonly columns: readonly string[];
  /** The first records, to tell what is in a column. */
  readonly head: readonly Row[];
  /** Records in all; not known of a large file that is read in its own order. */
  readonly count: number | undefined;
  /** What stands between the file's name and a record's number. @default {"#"} */
  readonly mark?: string;
  /** Reads the records once. */
  rows(options: RowsOptions): AsyncIterable<Met>;
}

/** What a record is made into; nothing, where it is to be passed over. */
export type Made<Item> = Item | undefined | Promise<Item | undefined>;

/** A manifest whose records can be chosen by what is in them. */
export interface FileManifest extends Manifest {
  /**
   * Reads the records once, as what `make` makes of them: where it makes nothing of one, that is passed over, and the
   * limit counts the others.
   */
  items<Item>(
    options: RowsOptions,
    make: (met: Met) => Made<Item>,
  ): AsyncIterable<Item>;
}

/** How records are read. */
export interface RowsOptions extends OrderOptions {
  /** Which columns are needed: others may be left out, where that saves reading them. @default {all} */
  readonly columns?: readonly string[] | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** How a manifest is opened. */
export interface ManifestOptions {
  /** Whether it is to be read in any order but its own. */
  readonly shuffle: boolean;
  /** Files up to this size are kept in memory and checked whole. @default {64 MiB} */
  readonly wholeBytes?: number;
}

/** The first records that are kept, and all that is checked of a large file beforehand. */
const HEAD = 100;

/**
 * Opens a manifest. One of ordinary size is checked whole, so that it is known before the run whether it can be read
 * to its end; of a large one the beginning, and the rest as it is read. A record that is wrong has a problem when its
 * turn comes, and the others are read all the same.
 *
 * @throws {UsageError} If it cannot be read, has no records, or none of them can be read.
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
    const { mark = ":" } = format;
    const head = await survey(path + mark, format, source.all(), whole);
    const spans: readonly CheckedSpan[] | undefined = whole || !shuffle
      ? head.spans
      : await indexOf(path + mark, format.entries(source.all()));
    const read = (i: number) => at(spans![i]!, format, source);
    const all = () => format.entries(source.all());
    const items: FileManifest["items"] = (order, make) =>
      spans
        ? picked(spans.length, order, async (i) => make(await read(i)))
        : straight(all(), order, make);
    return {
      columns: format.header?.() ?? [...head.columns],
      head: head.rows,
      count: spans?.length,
      mark,
      items,
      rows: (order) =>
        spans ? listed(spans.length, order, read) : items(order, (met) => met),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

type Bytes = Pick<FileBytes, "read" | "all">;

function inMemory(bytes: Uint8Array): Bytes {
  return {
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
    async *all() {
      yield await Promise.resolve(bytes);
    },
  };
}

interface Survey {
  readonly columns: ReadonlySet<string>;
  readonly rows: readonly Row[];
  /** Where the records are, if all were met. */
  readonly spans: readonly CheckedSpan[] | undefined;
}

/** Where a record stands, and what is wrong with it where that was found out. */
interface CheckedSpan extends Span {
  readonly problem?: string;
}

/** Reads the records, or the first of them. */
async function survey(
  place: string,
  format: ManifestFormat,
  bytes: AsyncIterable<Uint8Array>,
  whole: boolean,
): Promise<Survey> {
  const columns = new Set<string>();
  const rows: Row[] = [];
  const spans: CheckedSpan[] = [];
  let wrong: LineError | undefined;
  try {
    for await (const { row, ...span } of format.entries(bytes)) {
      try {
        const values = row();
        for (const name of Object.keys(values)) columns.add(name);
        if (rows.length < HEAD) rows.push(values);
        spans.push(span);
      } catch (cause) {
        const problem = messageOf(cause);
        wrong ??= new LineError(span.line, problem, { cause });
        if (cause instanceof FileError) throw wrong;
        spans.push({ ...span, problem });
      }
      if (!whole && spans.length >= HEAD) break;
    }
    if (rows.length === 0 && wrong !== undefined) throw wrong;
  } catch (error) {
    throw asUsage(place, error);
  }
  if (spans.length > 0) {
    return { columns, rows, spans: whole ? spans : undefined };
  }
  const header = format.header?.() ?? [];
  const where = header.length > 0 ? " below its header" : "";
  throw new UsageError(
    `Cannot read ${
      place.slice(0, -1)
    } as it must have a record${where}: current value has none`,
  );
}

async function indexOf(
  place: string,
  entries: AsyncIterable<Entry>,
): Promise<Span[]> {
  const spans: Span[] = [];
  try {
    for await (const { line, start, end } of entries) {
      spans.push({ line, start, end });
    }
  } catch (error) {
    throw asUsage(place, error);
  }
  return spans;
}

/** @param place The file's name with the mark behind it. */
function asUsage(place: string, error: unknown): unknown {
  if (!(error instanceof LineError)) return error;
  const path = place + error.line;
  return new UsageError(`Cannot read ${path} as ${error.message}`, {
    cause: error,
    problems: [{ path, message: error.message }],
  });
}

async function at(
  { line, start, end, problem }: CheckedSpan,
  format: ManifestFormat,
  source: Bytes,
): Promise<Met> {
  if (problem !== undefined) return { line, problem };
  const bytes = await source.read(start, end);
  return met(line, () => format.row(bytes));
}

async function* straight<Item>(
  entries: AsyncIterable<Entry>,
  { limit = Infinity }: OrderOptions,
  make: (met: Met) => Made<Item>,
): AsyncGenerator<Item> {
  let count = 0;
  for await (const { line, row } of entries) {
    const item = await make(met(line, row));
    if (item === undefined) continue;
    yield item;
    if (++count >= limit) return;
  }
}

function met(line: number, row: () => Row): Met {
  try {
    return { line, row: row() };
  } catch (error) {
    return { line, problem: messageOf(error) };
  }
}
