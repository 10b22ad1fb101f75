import { z } from "zod";
import { type DatasetPlugin, defineDataset } from "../plugins/mod.ts";
import { csvFormat, delimiterOf } from "./formats/csv.ts";
import { openManifest } from "./formats/manifest.ts";
import {
  manifestDataset,
  type ManifestDatasetOptions,
  manifestShape,
} from "./records.ts";

/** Options of {@linkcode csvManifest}. */
export interface CsvManifestOptions extends ManifestDatasetOptions {
  /** What stands between cells. @default {a tab for `.tsv` files, else a comma} */
  delimiter?: string;
  /** What may stand around a cell, twice for itself; empty where quotes are characters like others. @default {'"'} */
  quote?: string;
}

/**
 * A CSV manifest with a header: a record a line, with audio (a path, a URL, a data URI or base64) or a
 * prompt, and a reference where there is one.
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
      "What stands between cells (default: a tab for .tsv files, else a comma)",
    ),
    quote: z.string().max(1).default('"').describe(
      "What may stand around a cell; empty where quotes are characters like others",
    ),
  }),
  open({ path, delimiter, quote, ...options }) {
    const format = csvFormat({
      delimiter: delimiter ?? delimiterOf(path),
      quote,
    });
    return manifestDataset(openManifest(path, format, options), options, path);
  },
});
