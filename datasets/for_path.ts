import { extname } from "node:path";
import { UsageError } from "../plugins/mod.ts";
import { redactUrl } from "../lib/redact.ts";
import { AUDIO_EXTENSIONS, isAudioName } from "./find_audio.ts";
import { NAMES } from "./columns/roles.ts";
import { isGlob } from "./glob.ts";
import { openJson } from "./formats/json.ts";
import { TEXT_EXTENSIONS } from "./formats/open.ts";

/** Which dataset reads a file, by its name's ending; the others that `text` reads are its own. */
const DATASETS: Readonly<Record<string, string>> = {
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".tsv": "csv",
};

/**
 * The name of the built-in dataset that reads what lies at a path, as `--data PATH` needs it:
 * `audio-folder` for folders, audio files and globs; for other files `jsonl`, `csv`, `sharegpt` or `text`.
 *
 * @returns Nothing, where it is no path but the name or the address of a plugin.
 * @throws {UsageError} If it is a path, and nothing that can be read is there; or the URL of a file of data.
 */
export async function datasetForPath(
  path: string,
): Promise<string | undefined> {
  if (/^https?:/i.test(path)) return moduleAt(path);
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory) return "audio-folder";
  const isPattern = !info && isGlob(path);
  const file = isPattern ? undefined : await datasetForFile(path);
  if (file !== undefined) return file;
  if (isAudioName(path) || isPattern || (!info && isPlainly(path))) {
    return "audio-folder";
  }
  if (isModule(path) || (!info && !looksLikePath(path))) return undefined;
  throw new UsageError(
    `Cannot read the data as '--data' must name a dataset, a folder of speech, or a file that ends in ${
      [...TEXT_EXTENSIONS, ...AUDIO_EXTENSIONS].join(", ")
    }: current value is ${path}${info ? "" : ", which does not exist"}`,
  );
}

/** A URL is that of a plugin: nothing, unless it is plainly that of data. */
function moduleAt(url: string): undefined {
  const path = URL.parse(url)?.pathname ?? "";
  const extension = extname(path).toLowerCase();
  if (!TEXT_EXTENSIONS.includes(extension) && !isAudioName(path)) return;
  throw new UsageError(
    `Cannot read the data as '--data' must name a dataset, or a file or folder that was downloaded: current value is ${
      redactUrl(url)
    }`,
  );
}

async function datasetForFile(path: string): Promise<string | undefined> {
  const extension = extname(path).toLowerCase();
  if (extension === ".json" && await holdsConversations(path)) {
    return "sharegpt";
  }
  return DATASETS[extension] ??
    (TEXT_EXTENSIONS.includes(extension) ? "text" : undefined);
}

/**
 * Whether the first records of a JSON file are ShareGPT's: conversations, and no media beside them. What cannot be
 * read is told when it is opened.
 */
async function holdsConversations(path: string): Promise<boolean> {
  try {
    await using file = await openJson(path, { shuffle: false, wholeBytes: 0 });
    const names = file.columns.map((name) => name.toLowerCase());
    const media = [...NAMES.images, ...NAMES.audio];
    return names.includes("conversations") &&
      !names.some((name) => media.includes(name.replace(/s$/, "")));
  } catch {
    return false;
  }
}

/** Cannot be anything but a folder's path, if a mistaken one: the dataset will say that it does not exist. */
function isPlainly(path: string): boolean {
  return /^(\.{0,2}[\\/]|[a-z]:\\)/i.test(path) && extname(path) === "";
}

/** What is imported as a plugin: a module, or what has an address. */
function isModule(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(path) || /\.[cm]?[jt]sx?$/i.test(path);
}

/** No plugin has such a name. */
function looksLikePath(path: string): boolean {
  return /[\\/]/.test(path) || /\.[a-z0-9]{1,10}$/i.test(path);
}
