import type { FileMetaData, RowGroup, SchemaTree } from "hyparquet";
import { messageOf } from "../../plugins/mod.ts";
import type { Row } from "./manifest_format.ts";
import { type RandomBytes, readFooter } from "./parquet_footer.ts";
import { rowsHere, type RowsReader } from "./parquet_reader.ts";
import { holdsBytes, shapeOf } from "./parquet_values.ts";

/** A Parquet file whose footer has been read. */
export interface ParquetFile {
  /** For errors. */
  readonly name: string;
  /** Its columns, in order. */
  readonly columns: readonly string[];
  /** Records in all. */
  readonly count: number;
  /** What its writer noted under a key. */
  note(key: string): string | undefined;
  /** The first records. Columns that hold media are not read: only their shape is there. */
  head(limit: number, signal?: AbortSignal): Promise<Row[]>;
  /** The file in pieces that can be read one by one; with columns given, only these are. */
  blocks(columns?: readonly string[]): readonly Block[];
}

/** A run of records that are read at once: a row group, or some pages of a large one. */
export interface Block {
  /** How many records. */
  readonly rows: number;
  /** What they take when read, in bytes, as the footer has it. */
  readonly bytes: number;
  /**
   * Reads them.
   *
   * @throws {Error} If they cannot be had or are damaged; the message names the file.
   */
  read(signal?: AbortSignal): Promise<readonly Row[]>;
}

/** A row group above this is read in pieces, where the file has an index of its pages. */
const BLOCK_BYTES = 2 ** 24;
/** A column without such an index, if no larger than this, is read again for each piece. */
const AGAIN_BYTES = 2 ** 20;

/** How Parquet is opened. */
export interface OpenParquetOptions {
  /** Reads the records. @default {this thread} */
  readonly reader?: RowsReader;
  /** Ends the opening. */
  readonly signal?: AbortSignal;
}

/**
 * Opens Parquet, compressed in any of the usual ways. Nothing but the footer is read.
 *
 * @param name The file's, for errors.
 * @throws {UsageError} If it is no Parquet file, was cut short, or cannot be read here.
 */
export async function openParquet(
  name: string,
  bytes: RandomBytes,
  { reader = rowsHere, signal }: OpenParquetOptions = {},
): Promise<ParquetFile> {
  const { metadata, columns } = await readFooter(name, bytes, signal);
  const names = columns.map(({ element }) => element.name);
  const source: Source = { name, bytes, metadata, reader };
  return {
    name,
    columns: names,
    count: Number(metadata.num_rows),
    note: (key) =>
      metadata.key_value_metadata?.find((each) => each.key === key)?.value,
    head: (limit, signal) => headOf(source, columns, { limit, signal }),
    blocks: (wanted = names) => blocksOf(source, wanted),
  };
}

interface Source {
  readonly name: string;
  readonly bytes: RandomBytes;
  readonly metadata: FileMetaData;
  readonly reader: RowsReader;
}

/** A row group, and the number of records before it. */
interface Group {
  readonly rowGroup: RowGroup;
  readonly start: number;
}

/** Records from `start` up to `end`, of some columns. */
interface Range {
  readonly group: Group;
  readonly start: number;
  readonly end: number;
  readonly columns: readonly string[];
  readonly signal: AbortSignal | undefined;
}

function blocksOf(source: Source, columns: readonly string[]): Block[] {
  let start = 0;
  return source.metadata.row_groups.flatMap((rowGroup) => {
    const rows = Number(rowGroup.num_rows);
    const first = start;
    const group = { rowGroup, start };
    start += rows;
    const { bytes, isIndexed } = sizeOf(rowGroup, columns);
    const pieces = isIndexed
      ? Math.min(rows, Math.max(1, Math.ceil(bytes / BLOCK_BYTES)))
      : Math.min(rows, 1);
    const edge = (i: number) => first + Math.floor(rows * i / pieces);
    return Array.from({ length: pieces }, (_, i): Block => ({
      rows: edge(i + 1) - edge(i),
      bytes: bytes / pieces,
      read: (signal) =>
        read(source, {
          group,
          start: edge(i),
          end: edge(i + 1),
          columns,
          signal,
        }),
    }));
  });
}

function sizeOf({ columns: chunks }: RowGroup, columns: readonly string[]) {
  const wanted = chunks.filter(({ meta_data }) =>
    columns.includes(meta_data?.path_in_schema[0] ?? "")
  );
  return {
    bytes: wanted.reduce(
      (sum, { meta_data }) =>
        sum + Number(meta_data?.total_uncompressed_size ?? 0),
      0,
    ),
    isIndexed: wanted.every(({ offset_index_offset, meta_data }) =>
      offset_index_offset !== undefined ||
      Number(meta_data?.total_compressed_size ?? 0) <= AGAIN_BYTES
    ),
  };
}

async function headOf(
  source: Source,
  trees: readonly SchemaTree[],
  { limit, signal }: { limit: number; signal: AbortSignal | undefined },
): Promise<Row[]> {
  const rowGroup = source.metadata.row_groups.find(({ num_rows }) =>
    num_rows > 0n
  );
  if (rowGroup === undefined) return [];
  const end = Math.min(limit, Number(rowGroup.num_rows));
  const nameOf = ({ element }: SchemaTree) => element.name;
  const shapes = Object.fromEntries(
    trees.filter(holdsBytes).map((tree) => [nameOf(tree), shapeOf(tree)]),
  );
  const columns = trees.filter((tree) => !holdsBytes(tree)).map(nameOf);
  if (columns.length === 0) return [shapes];
  const group = { rowGroup, start: 0 };
  const rows = await read(source, { group, start: 0, end, columns, signal });
  return rows.map((row) => ({ ...row, ...shapes }));
}

async function read(
  { name, bytes, metadata, reader }: Source,
  { group, start, end, columns, signal }: Range,
): Promise<readonly Row[]> {
  const slice = async (start: number, end: number) => {
    const part = await bytes.read(start, end, signal);
    if (part.length === end - start) return bufferIn(part);
    throw new Error(
      `it must have bytes ${start} to ${end}: current value is ${part.length} bytes of them`,
    );
  };
  try {
    const needed = { ...metadata, row_groups: [group.rowGroup] };
    const range = { start: start - group.start, end: end - group.start };
    const job = { size: bytes.size, metadata: needed, columns, ...range };
    return await reader.run(job, slice, signal);
  } catch (cause) {
    throw new Error(
      `Cannot read rows ${start + 1} to ${end} of ${name}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The buffer of bytes that fill it, else one of their own. */
function bufferIn(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? buffer
    : bytes.slice().buffer;
}
