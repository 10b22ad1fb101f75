import { type FileMetaData, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Row } from "./manifest_format.ts";

/** Records to be read. Plain data: it crosses threads. */
export interface RowsJob {
  /** The file's size, in bytes. */
  readonly size: number;
  /** The footer, with the row groups that are needed. */
  readonly metadata: FileMetaData;
  readonly columns: readonly string[];
  /** The first record, counted from the first of those row groups. */
  readonly start: number;
  /** The one after the last. */
  readonly end: number;
}

/** Bytes of the file from `start` up to `end`, all of them. */
export type Slice = (start: number, end: number) => Promise<ArrayBuffer>;

/** Reads records: decompresses, decodes and puts them together. Their values are as the library has them. */
export async function runRowsJob(
  { size, metadata, columns, start, end }: RowsJob,
  slice: Slice,
): Promise<Row[]> {
  return await parquetReadObjects({
    file: {
      byteLength: size,
      slice: (start, end = size) => slice(start, end),
    },
    metadata,
    columns: [...columns],
    rowStart: start,
    rowEnd: end,
    compressors,
    // Bytes that are not said to be text are none: audio is not.
    utf8: false,
    useOffsetIndex: true,
    geoparquet: false,
  });
}
