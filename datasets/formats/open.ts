import { extname } from "node:path";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import { csvFormat } from "./csv.ts";
import { jsonlFormat, type JsonOptions, openJson } from "./json.ts";
import {
  FileError,
  lineFormat,
  type Manifest,
  openManifest,
  type Row,
} from "./manifest.ts";
import { openParquetManifest } from "./parquet.ts";

/** Format of a file of records. */
export type TextFormat = "jsonl" | "json" | "csv" | "tsv" | "parquet" | "plain";

/** Formats by file name extension. */
const FORMATS: Readonly<Record<string, TextFormat>> = {
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "json",
  ".csv": "csv",
  ".tsv": "tsv",
  ".parquet": "parquet",
  ".txt": "plain",
  ".md": "plain",
};

/** Extensions of files of records. */
export const TEXT_EXTENSIONS: readonly string[] = Object.keys(FORMATS);

/**
 * The format of a file, by its extension.
 *
 * @throws {UsageError} If the extension is unknown.
 */
export function formatOf(path: string): TextFormat {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  throw new UsageError(
    `path: the name must end in ${
      TEXT_EXTENSIONS.join(", ")
    }, unless 'format' is given, but was ${path}`,
  );
}

/**
 * Opens a file of records in any format.
 *
 * @throws {UsageError} If it cannot be read, has no records, or none of them can be parsed.
 */
export function openRecords(
  path: string,
  format: TextFormat,
  options: JsonOptions,
): Promise<Manifest> {
  const cells = (delimiter: string) => csvFormat({ delimiter, quote: '"' });
  switch (format) {
    case "json":
      return openJson(path, options);
    case "jsonl":
      return openManifest(path, jsonlFormat(), options);
    case "csv":
      return openManifest(path, cells(","), options);
    case "tsv":
      return openManifest(path, cells("\t"), options);
    case "parquet":
      return openParquetManifest(path);
    case "plain":
      return openManifest(path, lineFormat(plainRow), options);
  }
}

/** Plain text: each line is a record with the column `text`, trimmed. */
function plainRow(bytes: Uint8Array): Row {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch (cause) {
    throw new Error(`each line must be UTF-8: ${messageOf(cause)}`, { cause });
  }
  // Text for people has no zero bytes, and binary files soon have one.
  if (text.includes("\0")) {
    throw new FileError("each line must be text, but one has a zero byte");
  }
  return { text };
}
