import { z } from "zod";
import {
  type DatasetPlugin,
  defineDataset,
  UsageError,
} from "../plugins/mod.ts";
import { csvFormat, delimiterOf } from "./formats/csv.ts";
import { jsonlFormat } from "./formats/json.ts";
import { openManifest } from "./formats/manifest.ts";
import { formatOf, openRecords, type TextFormat } from "./formats/open.ts";
import {
  manifestDataset,
  type ManifestDatasetOptions,
  manifestShape,
} from "./records.ts";

/** Options of {@linkcode textFile}. */
export interface TextFileOptions extends ManifestDatasetOptions {
  /** Format of the file. `plain`: each line that is not blank is a prompt. @default {by the file's extension} */
  format?: TextFormat;
  /** Key of a JSON file's object that holds the records. @default {found} */
  rows?: string;
}

/**
 * A file of prompts or chats: JSON, JSON Lines, CSV, TSV, Parquet, or plain text with a prompt per line.
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
        "Format of the file; plain: a prompt per line (default: by the file's extension)",
      ),
    rows: z.string().optional().describe(
      "Key of a JSON file's object that holds the records (default: found)",
    ),
  }),
  open({ path, format = formatOf(path), rows, ...options }) {
    if (rows !== undefined && format !== "json") {
      throw new UsageError(
        `rows: only JSON files have a key of records, but the format of ${path} was ${format}`,
      );
    }
    const { shuffle } = options;
    const manifest = openRecords(path, format, { shuffle, rows });
    return manifestDataset(manifest, options, path);
  },
});

/** Options of {@linkcode jsonlManifest}. */
export type JsonlManifestOptions = ManifestDatasetOptions;

/**
 * A JSON Lines manifest: an object per line with audio or a prompt, and optionally a reference. Audio is a path, a
 * URL, a data URI, base64, or an object as in Hugging Face datasets. NeMo's manifests can be read too.
 *
 * @example Usage
 * ```ts
 * import { jsonlManifest } from "@earshot/earshot";
 *
 * const dataset = jsonlManifest({
 *   path: "./test.jsonl",
 *   columns: { audio: "audio_filepath", reference: "text" },
 * });
 * ```
 */
export const jsonlManifest: DatasetPlugin<JsonlManifestOptions> = defineDataset(
  {
    name: "jsonl",
    summary: "A JSON Lines manifest of speech or prompts",
    primary: "path",
    options: z.strictObject(manifestShape),
    open: ({ path, ...options }) =>
      manifestDataset(
        openManifest(path, jsonlFormat(), options),
        options,
        path,
      ),
  },
);

/** Options of {@linkcode csvManifest}. */
export interface CsvManifestOptions extends ManifestDatasetOptions {
  /** Separates cells. @default {a tab for `.tsv` files, else a comma} */
  delimiter?: string;
  /** Quotes cells; doubled within a cell. Empty if quotes are ordinary characters. @default {'"'} */
  quote?: string;
}

/**
 * A CSV manifest with a header: a record per line with audio (a path, a URL, a data URI or base64) or a prompt, and
 * optionally a reference.
 *
 * @example Usage
 * ```ts
 * import { csvManifest } from "@earshot/earshot";
 *
 * const dataset = csvManifest({ path: "./validated.tsv", root: "./clips" });
 * ```
 */
export const csvManifest: DatasetPlugin<CsvManifestOptions> = defineDataset({
  name: "csv",
  summary: "A CSV or TSV manifest of speech or prompts",
  primary: "path",
  options: z.strictObject({
    ...manifestShape,
    delimiter: z.string().min(1).optional().describe(
      "Separates cells (default: a tab for .tsv files, else a comma)",
    ),
    quote: z.string().max(1).default('"').describe(
      "Quotes cells; empty if quotes are ordinary characters",
    ),
  }),
  open({ path, delimiter = delimiterOf(path), quote, ...options }) {
    const format = csvFormat({ delimiter, quote });
    return manifestDataset(openManifest(path, format, options), options, path);
  },
});
