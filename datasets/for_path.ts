import { extname } from "node:path";
import { isAudioName } from "./find_audio.ts";
import { isGlob } from "./glob.ts";

/** Which dataset reads a manifest, by its name's ending. */
const MANIFESTS: Readonly<Record<string, string>> = {
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".tsv": "csv",
};

/**
 * The name of the built-in dataset that reads what lies at a path, as `--data PATH` needs it:
 * `audio-folder` for folders, audio files and globs, `jsonl` and `csv` for manifests.
 *
 * @returns Nothing, where the path does not tell.
 */
export async function datasetForPath(
  path: string,
): Promise<string | undefined> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory) return "audio-folder";
  const manifest = MANIFESTS[extname(path).toLowerCase()];
  if (manifest) return !info && isGlob(path) ? undefined : manifest;
  if (isAudioName(path)) return "audio-folder";
  const meant = isGlob(path) || isPlainly(path);
  return !info && meant ? "audio-folder" : undefined;
}

/** Cannot be anything but a folder's path, if a mistaken one: the dataset will say that it does not exist. */
function isPlainly(path: string): boolean {
  return /^(\.{0,2}[\\/]|[a-z]:\\)/i.test(path) && extname(path) === "";
}
