import {
  type FileMetaData,
  parquetMetadata,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { UsageError } from "../../plugins/mod.ts";

/** Bytes of which any part can be read, by several readers at a time: a file's, or those behind a URL. */
export interface RandomBytes {
  readonly size: number;
  /** The bytes from `start` up to `end`; fewer, where there are no more. They are the caller's own. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What stands at the end of a Parquet file. */
export interface ParquetFooter {
  readonly metadata: FileMetaData;
  /** A tree for each column. */
  readonly columns: readonly SchemaTree[];
}

/** Enough for the footers of most files, so that one read brings them. */
const TAIL_BYTES = 2 ** 16;
/** The footer's length, and `PAR1`. */
const END_BYTES = 8;

/**
 * Reads the footer, which tells where everything is, and holds it to the file.
 *
 * @param name The file's, for errors.
 * @throws {UsageError} If it is no Parquet file, was cut short, or cannot be read here.
 */
export async function readFooter(
  name: string,
  bytes: RandomBytes,
  signal?: AbortSignal,
): Promise<ParquetFooter> {
  const tail = await footerBytes(name, bytes, signal);
  const metadata = parsed(name, tail);
  const columns = parquetSchema(metadata).children;
  const problem = problemOf(metadata, bytes.size);
  if (problem !== undefined) throw refusal(name, problem);
  return { metadata, columns };
}

async function footerBytes(
  name: string,
  bytes: RandomBytes,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { size } = bytes;
  const tail = await bytes.read(Math.max(0, size - TAIL_BYTES), size, signal);
  const magic = new TextDecoder("latin1").decode(tail.subarray(-4));
  if (magic === "PARE") {
    throw refusal(name, {
      rule: "its footer must not be encrypted",
      is: "an encrypted one",
    });
  }
  if (tail.length < END_BYTES || magic !== "PAR1") {
    throw refusal(name, {
      rule: "a Parquet file must end with PAR1",
      is: `${JSON.stringify(magic)} after ${size} bytes; was it cut short?`,
    });
  }
  const length = lengthIn(tail) + END_BYTES;
  if (length > size) {
    throw refusal(name, {
      rule: `its footer must be in its ${size} bytes`,
      is: `a footer of ${length} bytes; was it cut short?`,
    });
  }
  return length <= tail.length
    ? tail
    : await bytes.read(size - length, size, signal);
}

function lengthIn(tail: Uint8Array): number {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  return view.getUint32(tail.length - END_BYTES, true);
}

function parsed(name: string, tail: Uint8Array): FileMetaData {
  try {
    return parquetMetadata(tail, { geoparquet: false });
  } catch (cause) {
    throw refusal(name, {
      rule: "its footer must be a Parquet file's",
      is: "a damaged one",
      cause,
    });
  }
}

interface Problem {
  readonly rule: string;
  readonly is: string;
  readonly cause?: unknown;
}

/** What in a footer cannot be: it is met here, before the run, and not in the middle of it. */
function problemOf(
  { row_groups, num_rows }: FileMetaData,
  size: number,
): Problem | undefined {
  let rows = 0n;
  for (const group of row_groups) {
    rows += group.num_rows;
    for (const { meta_data, file_path } of group.columns) {
      if (meta_data === undefined || file_path) {
        return {
          rule: "its columns must be in the file itself",
          is: file_path ?? "encrypted columns",
        };
      }
      const start = meta_data.dictionary_page_offset ||
        meta_data.data_page_offset;
      const end = Number(start + meta_data.total_compressed_size);
      if (!(start >= 4n && end <= size - END_BYTES)) {
        return {
          rule: `its columns must be in its ${size} bytes`,
          is: `one from ${start} to ${end}; was it cut short?`,
        };
      }
      if (!isReadable(meta_data.codec)) {
        const known = Object.keys(compressors).join(", ");
        return {
          rule: `its compression must be one of ${known}`,
          is: String(meta_data.codec),
        };
      }
    }
  }
  if (rows !== num_rows) {
    return {
      rule: "its row groups must have the rows of the file",
      is: `${rows} rows of ${num_rows}`,
    };
  }
}

function isReadable(codec: string): boolean {
  return codec === "UNCOMPRESSED" || codec in compressors;
}

function refusal(name: string, { rule, is, cause }: Problem): UsageError {
  return new UsageError(
    `Cannot read ${name} as ${rule}: current value is ${is}`,
    cause === undefined ? {} : { cause },
  );
}
