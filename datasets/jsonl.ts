import { z } from "zod";
import { type DatasetPlugin, defineDataset } from "../plugins/mod.ts";
import { jsonlFormat } from "./formats/jsonl.ts";
import { openManifest } from "./formats/manifest.ts";
import {
  manifestDataset,
  type ManifestDatasetOptions,
  manifestShape,
} from "./records.ts";

/** Options of {@linkcode jsonlManifest}. */
export type JsonlManifestOptions = ManifestDatasetOptions;

/**
 * A JSON Lines manifest: an object a line, with audio (a path, a URL, a data URI, base64, or an object as
 * Hugging Face has them) or a prompt, and a reference where there is one. Reads NeMo's manifests too.
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
