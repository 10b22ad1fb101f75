import { extname } from "node:path";
import { UsageError } from "../../plugins/mod.ts";
import { csvFormat } from "./csv.ts";
import { jsonlFormat, type JsonOptions, openJson } from "./json.ts";
import { plainFormat } from "./lines.ts";
import { type Manifest, openManifest } from "./manifest.ts";
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
      return openManifest(path, plainFormat(), options);
  }
}
