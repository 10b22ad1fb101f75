import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { untilAborted } from "../../lib/abort.ts";
import { readAhead } from "../../lib/concurrency.ts";
import { isUsageError, messageOf, UsageError } from "../../plugins/mod.ts";
import { orderOf, type OrderOptions } from "../order.ts";
import { openBytes, type RandomBytes } from "./file_bytes.ts";
import {
  type Manifest,
  noRecords,
  type RecordResult,
  type Row,
  type RowsOptions,
} from "./manifest.ts";
import {
  decodeRows,
  type FilePart,
  openRowsThread,
  type RowsReader,
} from "./parquet_decode.ts";

/** A row group. */
export interface Group {
  /** Number of records. */
  readonly rows: number;
  /**
   * Reads the records.
   *
   * @throws {Error} If they cannot be read or are damaged. The message names the file.
   */
  read(signal?: AbortSignal): Promise<readonly Row[]>;
}

/** Bytes at the end of a file that are read first: they contain the footers of most files. */
const TAIL_BYTES = 2 ** 16;
/** Ranges that are separated by at most this many bytes are read as one. */
const GAP_BYTES = 2 ** 13;
/** Largest row group, in bytes, of the columns that are needed: a row group is held in memory. */
const MAX_GROUP_BYTES = 2 ** 30;
/** Number of records from which the use of each column is guessed. */
const HEAD = 100;
/** Number of row groups that are held at a time: the one that is used, and the next. */
const AHEAD = 2;

/**
 * Opens a Parquet file with any common compression. Only the footer is read.
 *
 * @param name The file's name, for errors.
 * @param reader Decodes the records, by default in this thread.
 * @throws {UsageError} If it is not a complete Parquet file.
 */
export async function openParquet(
  name: string,
  bytes: RandomBytes,
  reader: RowsReader = { run: decodeRows },
): Promise<ParquetFile> {
  const metadata = await readFooter(name, bytes);
  return new ParquetFile(name, bytes, metadata, reader);
}

/** A Parquet file whose footer has been read. */
export class ParquetFile {
  /** Column names, in order. */
  readonly columns: readonly string[];
  /** Number of records. */
  readonly count: number;
  readonly #trees: readonly SchemaTree[];

  /** @param name The file's name, for errors. */
  constructor(
    readonly name: string,
    private readonly bytes: RandomBytes,
    private readonly metadata: FileMetaData,
    private readonly reader: RowsReader,
  ) {
    this.#trees = parquetSchema(metadata).children;
    this.columns = this.#trees.map(({ element }) => element.name);
    this.count = Number(metadata.num_rows);
  }

  /** The text that the file's writer stored under a key. */
  note(key: string): string | undefined {
    return this.metadata.key_value_metadata?.find((each) => each.key === key)
      ?.value;
  }

  /** Reads the first records. Columns with media are not read: only the shape of their values is given. */
  async head(limit: number): Promise<Row[]> {
    const rowGroup = this.metadata.row_groups.find((each) => each.num_rows);
    if (!rowGroup) return [];
    const media = this.#trees.filter(holdsBytes);
    const shapes = Object.fromEntries(
      media.map((tree) => [tree.element.name, shapeOf(tree)]),
    );
    const columns = this.columns.filter((name) => !(name in shapes));
    if (columns.length === 0) return [shapes];
    const count = Math.min(limit, Number(rowGroup.num_rows));
    const range = { rowGroup, first: 0, count, columns };
    const rows = await this.#read(range);
    return rows.map((row) => ({ ...row, ...shapes }));
  }

  /** The row groups. Only the given columns are read. */
  groups(columns = this.columns): readonly Group[] {
    let first = 0;
    return this.metadata.row_groups.map((rowGroup) => {
      const rows = Number(rowGroup.num_rows);
      const range = { rowGroup, first, count: rows, columns };
      first += rows;
      return { rows, read: (signal) => this.#read(range, signal) };
    });
  }

  async #read(
    { rowGroup, first, count, columns }: RowRange,
    signal?: AbortSignal,
  ): Promise<readonly Row[]> {
    const read = async () => {
      const parts = rangesOf(rowGroup, columns).map(
        async ([start, end]): Promise<FilePart> => ({
          start,
          bytes: await readPart(this.bytes, start, end, signal),
        }),
      );
      return await this.reader.run({
        size: this.bytes.size,
        metadata: { ...this.metadata, row_groups: [rowGroup] },
        columns,
        count,
        parts: await Promise.all(parts),
      }, signal);
    };
    try {
      return await (signal ? untilAborted(read(), signal) : read());
    } catch (cause) {
      throw new Error(
        `cannot read rows ${first + 1} to ${first + count} of ${this.name}: ${
          messageOf(cause)
        }`,
        { cause },
      );
    }
  }
}

/** The first records of a row group, of some columns. */
interface RowRange {
  readonly rowGroup: RowGroup;
  /** Number of records before the row group. */
  readonly first: number;
  readonly count: number;
  readonly columns: readonly string[];
}

/**
 * Opens a Parquet file as a manifest. At most two row groups are held.
 *
 * @throws {UsageError} If it cannot be read, has no records, was cut short, or its first records are damaged.
 */
export async function openParquetManifest(path: string): Promise<Manifest> {
  await using stack = new AsyncDisposableStack();
  const file = await openBytes(path);
  stack.defer(() => file.close());
  const reader = stack.use(openRowsThread());
  try {
    const parquet = await openParquet(path, file, reader);
    const manifest = await parquetManifest([parquet]);
    const held = stack.move();
    return { ...manifest, [Symbol.asyncDispose]: () => held.disposeAsync() };
  } catch (cause) {
    if (isUsageError(cause)) throw cause;
    throw new UsageError(messageOf(cause), { cause });
  }
}

/**
 * Makes one manifest of several Parquet files with the same columns. A record's line counts through all files, in their order.
 *
 * @throws {UsageError} If the files have no records or different columns.
 */
export async function parquetManifest(
  files: readonly [ParquetFile, ...ParquetFile[]],
): Promise<Manifest> {
  const [first] = files;
  for (const { name, columns } of files) {
    const missing = first.columns.find((each) => !columns.includes(each));
    if (missing === undefined) continue;
    throw new UsageError(
      `${name}: the file must have the columns of ${first.name}, but has no ${
        JSON.stringify(missing)
      }`,
    );
  }
  const filled = files.find(({ count }) => count > 0);
  if (!filled) throw noRecords(first.name);
  return {
    columns: first.columns,
    mark: "#",
    head: await filled.head(HEAD),
    count: files.reduce((sum, { count }) => sum + count, 0),
    rows: (options) => rowsOf(files, options),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function* rowsOf(
  files: readonly ParquetFile[],
  { columns, signal, ...order }: RowsOptions,
): AsyncGenerator<RecordResult> {
  const groups = files.flatMap((file) => file.groups(columns));
  const stop = new AbortController();
  const signals = signal ? [signal, stop.signal] : [stop.signal];
  const stopped = AbortSignal.any(signals);
  const loaded = readAhead(
    readingOrder(groups.map(({ rows }) => rows), order),
    async (place) => {
      // A group that cannot be read is a problem of its own records only.
      const rows = await groups[place.group]!.read(stopped).catch(messageOf);
      return { ...place, rows };
    },
    { ahead: AHEAD, signal: stopped },
  );
  for await (const { first, records, rows } of loaded) {
    if (stopped.aborted) return;
    let isRead = false;
    try {
      for (const i of records()) {
        const line = first + i + 1;
        yield typeof rows === "string"
          ? { line, problem: rows }
          : { line, row: rows[i]! };
      }
      isRead = true;
    } finally {
      // A consumer that stops early does not wait for the next row group.
      if (!isRead) stop.abort();
    }
  }
}

/** A row group, and the records to read from it. */
export interface GroupOrder {
  /** Index of the row group. */
  readonly group: number;
  /** Number of records in the groups before it. */
  readonly first: number;
  /** Indices of its records, in order. */
  records(): number[];
}

/**
 * The order in which row groups and their records are read. Shuffled, the groups are in random order, and so are the
 * records within each. Every pass keeps the same records.
 *
 * @param rows Number of records of each row group.
 */
export function readingOrder(
  rows: readonly number[],
  { limit = Infinity, ...order }: OrderOptions,
): GroupOrder[] {
  let first = 0;
  const groups = rows.map((count, group) => {
    first += count;
    return { group, count, first: first - count };
  });
  let left = limit;
  const kept: GroupOrder[] = [];
  for (const i of orderOf(groups.length, { ...order, pass: 0 })) {
    const { group, count, first } = groups[i]!;
    const keep = Math.min(left, count);
    left -= keep;
    if (keep === 0) continue;
    const list = `row group ${group}`;
    kept.push({
      group,
      first,
      records: () => orderOf(count, { ...order, limit: keep, list }),
    });
  }
  return order.pass > 0
    ? orderOf(kept.length, { ...order, list: "row groups" })
      .map((i) => kept[i]!)
    : kept;
}

async function readFooter(
  name: string,
  bytes: RandomBytes,
): Promise<FileMetaData> {
  let failure: unknown;
  const slice = async (start: number, end = bytes.size) => {
    try {
      return await readPart(bytes, start, end);
    } catch (error) {
      throw failure = error;
    }
  };
  try {
    return await parquetMetadataAsync({ byteLength: bytes.size, slice }, {
      initialFetchSize: TAIL_BYTES,
      geoparquet: false,
    });
  } catch (cause) {
    if (failure !== undefined) throw failure;
    throw new UsageError(
      `${name}: the file must be complete, unencrypted Parquet; was it cut short?`,
      { cause },
    );
  }
}

/** The byte ranges that hold some columns of a row group. */
function rangesOf(
  { columns: chunks }: RowGroup,
  columns: readonly string[],
): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  let size = 0;
  for (const { meta_data: meta } of chunks) {
    if (!meta || !columns.includes(meta.path_in_schema[0]!)) continue;
    size += Number(meta.total_uncompressed_size);
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    const end = start + Number(meta.total_compressed_size);
    const last = ranges.at(-1);
    if (last && start >= last[1] && start - last[1] <= GAP_BYTES) last[1] = end;
    else ranges.push([start, end]);
  }
  if (size <= MAX_GROUP_BYTES) return ranges;
  throw new Error(
    `a row group must have at most ${MAX_GROUP_BYTES} bytes of the columns in use, but has ${size}: write the file with smaller ones`,
  );
}

/** Reads a range completely, into a buffer of its own. */
async function readPart(
  bytes: RandomBytes,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  if (!(start >= 0 && start <= end && end <= bytes.size)) {
    throw new Error(
      `bytes ${start} to ${end} must be in the file, which has ${bytes.size}; was it cut short?`,
    );
  }
  const part = await bytes.read(start, end, signal);
  if (part.length !== end - start) {
    throw new Error(
      `bytes ${start} to ${end} must be read completely, but ${part.length} were`,
    );
  }
  return part.buffer;
}

/** Whether a column may hold media: it has byte arrays without a declared type. */
function holdsBytes({ element, children }: SchemaTree): boolean {
  if (children.length > 0) return children.some(holdsBytes);
  const { type, converted_type, logical_type } = element;
  return (type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY") &&
    converted_type === undefined && logical_type === undefined;
}

/** The shape of a column's values, without content: `{ bytes: null, path: null }`. */
function shapeOf({ children }: SchemaTree): unknown {
  if (children.length === 0) return null;
  return Object.fromEntries(
    children.map((child) => [child.element.name, shapeOf(child)]),
  );
}
