import { extname } from "node:path";
import { z } from "zod";
import {
  type DatasetPlugin,
  defineDataset,
  UsageError,
} from "../plugins/mod.ts";
import { csvFormat } from "./formats/csv.ts";
import { openJson } from "./formats/json.ts";
import { jsonlFormat } from "./formats/jsonl.ts";
import { type Manifest, openManifest } from "./formats/manifest.ts";
import {
  manifestDataset,
  type ManifestDatasetOptions,
  manifestShape,
} from "./records.ts";
import { openParquetManifest } from "./formats/parquet_manifest.ts";
import { plainFormat } from "./formats/plain.ts";

/** How a file of records is written. */
export type TextFormat = "jsonl" | "json" | "csv" | "tsv" | "parquet" | "plain";

/** Options of {@linkcode textFile}. */
export interface TextFileOptions extends ManifestDatasetOptions {
  /** How the file is written; `plain` takes each line that is not blank for a prompt. @default {by the file's name} */
  format?: TextFormat;
  /** Which key of a JSON file's object holds the records. @default {found} */
  rows?: string;
}

/** How files are written, by their names' endings. */
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

/** The endings of files that the dataset reads. */
export const TEXT_EXTENSIONS: readonly string[] = Object.keys(FORMATS);

/**
 * A file of prompts or chats, with whatever stands beside them: JSON, JSON Lines, CSV, TSV, Parquet, or plain text
 * with a prompt a line. A file of any size is read piece by piece.
 *
 * @example Usage
 * ```ts
 * import { textFile } from "@earshot/earshot";
 *
 * const dataset = textFile({
 *   path: "./questions.json",
 *   columns: { text: "question", reference: "best_answer" },
 * });
 * ```
 */
export const textFile: DatasetPlugin<TextFileOptions> = defineDataset({
  name: "text",
  summary: "Prompts or chats in a file: JSON, JSON Lines, CSV, Parquet, text",
  primary: "path",
  options: z.strictObject({
    ...manifestShape,
    format: z.enum(["jsonl", "json", "csv", "tsv", "parquet", "plain"])
      .optional().describe(
        "How the file is written; plain: a prompt a line (default: by the file's name)",
      ),
    rows: z.string().optional().describe(
      "Which key of a JSON file's object holds the records (default: found)",
    ),
  }),
  open({ path, format = formatOf(path), rows, ...options }) {
    if (rows !== undefined && format !== "json") {
      throw new UsageError(
        `Cannot read ${path} as 'rows' must be given for JSON alone: current value is ${rows}`,
      );
    }
    const { shuffle } = options;
    return manifestDataset(
      openRecords(path, format, { shuffle, rows }),
      options,
      path,
    );
  },
});

/**
 * Opens a file of records, however it is written.
 *
 * @throws {UsageError} If it cannot be read, has no records, or a record is wrong.
 */
export function openRecords(
  path: string,
  format: TextFormat,
  options: {
    readonly shuffle: boolean;
    readonly rows?: string | undefined;
  },
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

/**
 * How a file is written, by its name.
 *
 * @throws {UsageError} If the name does not tell.
 */
export function formatOf(path: string): TextFormat {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  throw new UsageError(
    `Cannot read the data as 'path' must end in ${
      TEXT_EXTENSIONS.join(", ")
    }, unless 'format' says how the file is written: current value is ${path}`,
  );
}
