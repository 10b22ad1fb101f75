import { join } from "node:path";
import type { Sample } from "../../core/sample.ts";
import { bundledClips, readClip } from "../../clips/mod.ts";

export { type TempFolder, tempFolder, tone } from "./datasets.ts";

/** The files of bundled clips with their words beside them, by name. */
export async function speechFiles(
  ids: readonly string[],
): Promise<Record<string, Uint8Array | string>> {
  const files: Record<string, Uint8Array | string> = {};
  for (const clip of bundledClips.filter(({ id }) => ids.includes(id))) {
    files[clip.file] = await readClip(clip);
    files[clip.file.replace(/\.\w+$/, ".txt")] = `${clip.transcript}\n`;
  }
  return files;
}

/** A report that a run wrote. */
export async function readReport(
  folder: string,
  name: string,
  // deno-lint-ignore no-explicit-any -- it is checked against its schema, and read by many tests
): Promise<any> {
  return JSON.parse(await Deno.readTextFile(join(folder, name)));
}

/** The samples that `--report jsonl=FILE` saved. */
export async function samplesIn(path: string): Promise<Sample[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line)).filter(({ schema }) =>
    schema === "earshot.sample/1"
  );
}
