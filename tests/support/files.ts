import { join } from "node:path";
import type { Sample } from "../../core/sample.ts";
import { decodeAudio, downmix, resample, toPcm16 } from "../../audio/mod.ts";
import { type BundledClip, bundledClips, readClip } from "../../clips/mod.ts";

export { type TempFolder, tempFolder, tone } from "./datasets.ts";

/** Returns the files of bundled clips and their transcripts, by name. */
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

/** The samples of a bundled clip as a client streams them, at 16 kHz. */
export async function clipSamples(
  clip: BundledClip,
): Promise<Int16Array<ArrayBuffer>> {
  const decoded = await decodeAudio(await readClip(clip), clip.file);
  const mono = downmix(decoded.channels);
  return toPcm16(resample(mono, decoded.sampleRateHz, 16_000));
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
