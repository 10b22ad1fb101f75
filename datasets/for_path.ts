import { extname } from "node:path";
import { redactUrl } from "../lib/redact.ts";
import { UsageError } from "../plugins/mod.ts";
import { NAMES } from "./columns/names.ts";
import { AUDIO_EXTENSIONS, isAudioName, isGlob } from "./find_audio.ts";
import { openBytes } from "./formats/file_bytes.ts";
import { formatOf, TEXT_EXTENSIONS } from "./formats/open.ts";

/** Datasets by format. The dataset `text` reads all others. */
const DATASETS = new Map([["jsonl", "jsonl"], ["csv", "csv"], ["tsv", "csv"]]);

/** Bytes of a JSON file that are searched for the keys of its first records. */
const HEAD_BYTES = 2 ** 16;

/**
 * The name of the built-in dataset that reads a path, for `--data PATH`: `audio-folder` for folders, audio files and
 * globs; `jsonl`, `csv`, `sharegpt` or `text` for other files.
 *
 * @returns `undefined` if it is not a path but the name or address of a plugin.
 * @throws {UsageError} If it is a path without data that can be read, or the URL of a data file.
 */
export async function datasetForPath(
  path: string,
): Promise<string | undefined> {
  if (/^https?:/i.test(path)) return refuseDataUrl(path);
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory) return "audio-folder";
  const isPattern = !info && isGlob(path);
  const file = isPattern ? undefined : await datasetForFile(path);
  if (file !== undefined) return file;
  if (isAudioName(path) || isPattern || (!info && isFolderPath(path))) {
    return "audio-folder";
  }
  if (isModule(path) || (!info && !looksLikePath(path))) return undefined;
  throw new UsageError(
    `--data: must be a dataset, a folder of speech, or a file that ends in ${
      [...TEXT_EXTENSIONS, ...AUDIO_EXTENSIONS].join(", ")
    }, but was ${path}${info ? "" : ", which does not exist"}`,
  );
}

/** Refuses the URL of a data file; any other is that of a plugin. */
function refuseDataUrl(url: string): undefined {
  const path = URL.parse(url)?.pathname ?? "";
  const extension = extname(path).toLowerCase();
  if (!TEXT_EXTENSIONS.includes(extension) && !isAudioName(path)) return;
  throw new UsageError(
    `--data: must be a dataset, or a file or folder on this machine, but was ${
      redactUrl(url)
    }; download it first`,
  );
}

async function datasetForFile(path: string): Promise<string | undefined> {
  const extension = extname(path).toLowerCase();
  if (extension === ".json" && await isShareGpt(path)) return "sharegpt";
  if (!TEXT_EXTENSIONS.includes(extension)) return undefined;
  return DATASETS.get(formatOf(path)) ?? "text";
}

/** Whether the first records of a JSON file have `conversations` and no media. Errors are reported when it is opened. */
async function isShareGpt(path: string): Promise<boolean> {
  try {
    const file = await openBytes(path);
    const size = Math.min(file.size, HEAD_BYTES);
    const bytes = await file.read(0, size).finally(() => file.close());
    const keys = new TextDecoder().decode(bytes)
      .matchAll(/"(\w{1,40})"\s{0,40}:/g);
    const names = [...keys].map(([, name]) => name!.toLowerCase());
    const media = [...NAMES.images, ...NAMES.audio];
    return names.includes("conversations") &&
      !names.some((name) => media.includes(name.replace(/s$/, "")));
  } catch {
    return false;
  }
}

/** Whether a path can only be that of a folder: the dataset reports that it does not exist. */
function isFolderPath(path: string): boolean {
  return /^(\.{0,2}[\\/]|[a-z]:\\)/i.test(path) && extname(path) === "";
}

/** Whether a path is imported as a plugin: a module, or anything with an address. */
function isModule(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(path) || /\.[cm]?[jt]sx?$/i.test(path);
}

/** Whether a name cannot be that of a plugin. */
function looksLikePath(path: string): boolean {
  return /[\\/]/.test(path) || /\.[a-z0-9]{1,10}$/i.test(path);
}
