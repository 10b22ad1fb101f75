import {
  ByteWriter,
  parquetWrite,
  type ParquetWriteOptions,
} from "hyparquet-writer";
import type { RandomBytes } from "../../datasets/formats/file_bytes.ts";

/** A Parquet file of the given columns. */
export function parquetOf(
  columnData: ParquetWriteOptions["columnData"],
  options: Omit<ParquetWriteOptions, "writer" | "columnData"> = {},
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  parquetWrite({ writer, columnData, ...options });
  return new Uint8Array(writer.getBuffer());
}

/** Bytes in memory that record which parts were read. */
export function watched(
  bytes: Uint8Array,
): RandomBytes & { readonly reads: (readonly [number, number])[] } {
  const reads: [number, number][] = [];
  return {
    size: bytes.length,
    reads,
    read(start, end) {
      reads.push([start, end]);
      return Promise.resolve(new Uint8Array(bytes.subarray(start, end)));
    },
  };
}

/** Returns a column of audio in the form of Hugging Face, with its schema: structs of bytes and path. */
export function audioColumn(
  name: string,
  data: readonly ({ bytes: Uint8Array | null; path: string | null } | null)[],
): {
  readonly column: ParquetWriteOptions["columnData"][number];
  readonly schema: NonNullable<ParquetWriteOptions["schema"]>;
} {
  return {
    column: { name, data: [...data] },
    schema: [
      { name, repetition_type: "OPTIONAL", num_children: 2 },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      {
        name: "path",
        type: "BYTE_ARRAY",
        converted_type: "UTF8",
        repetition_type: "OPTIONAL",
      },
    ],
  };
}
