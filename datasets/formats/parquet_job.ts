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

/**
 * Reads records: decompresses, decodes and puts them together. Their values are as the library has them.
 *
 * @throws {Error} If bytes cannot be had, as `slice` has it, or cannot be decoded.
 */
export async function runRowsJob(job: RowsJob, slice: Slice): Promise<Row[]> {
  let isHad = true;
  // The same promise goes on: a worker tells what it is at before anything hangs on its bytes, and by no more steps.
  const watched: Slice = (start, end) => {
    const bytes = slice(start, end);
    bytes.catch(() => isHad = false);
    return bytes;
  };
  try {
    return await decoded(job, watched);
  } catch (cause) {
    throw isHad ? damaged(cause) : cause;
  }
}

/** A decoder that comes upon damage says whatever it stumbled over; what it does not know it names. */
function damaged(cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : "";
  const is = /\bunsupported\b/.test(said)
    ? `refused with ${JSON.stringify(said)}`
    : "damaged ones";
  return new Error(
    `its pages must be whole and of a known kind: current value is ${is}`,
  );
}

async function decoded(
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
