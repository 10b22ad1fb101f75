import { join } from "node:path";
import { type OpenContext, UsageError } from "../../plugins/mod.ts";
import type { Options } from "./options.ts";

/** Parts of one file that were downloaded before. */
export interface RangeCache {
  /** The bytes from `start` up to `end`, where they are there. */
  find(start: number, end: number): Promise<Uint8Array | undefined>;
  /** Keeps bytes that begin at `start`; an interruption leaves nothing half done. */
  keep(start: number, bytes: Uint8Array): Promise<void>;
}

/**
 * The folder in which downloads are kept; none, where they are not.
 *
 * @throws {UsageError} If nothing tells where.
 */
export function cacheFolder(
  { cache, cacheDir }: Pick<Options, "cache" | "cacheDir">,
  { env }: Pick<OpenContext, "env">,
): string | undefined {
  if (!cache) return undefined;
  if (cacheDir !== undefined) return cacheDir;
  const hub = env("HF_HOME");
  if (hub) return join(hub, "earshot");
  const home = env("XDG_CACHE_HOME") || env("LOCALAPPDATA") ||
    below(env("HOME") || env("USERPROFILE"), ".cache");
  if (home) return join(home, "earshot", "huggingface");
  throw new UsageError(
    "Cannot keep what is downloaded as 'cacheDir' must be given where neither HF_HOME nor HOME is set, or 'cache' be false: current value is missing",
  );
}

function below(folder: string | undefined, name: string): string | undefined {
  return folder && join(folder, name);
}

/** A part of a path that comes from outside, and can lead nowhere else. */
export function safeName(text: string): string {
  return text.replace(/[^\w.-]/g, "--").replace(/^\.+/, "-");
}

/**
 * Opens the parts of one file that are kept in a folder. Each is a file of its own, named by where it begins and ends.
 *
 * @throws {UsageError} If the folder cannot be made or read.
 */
export async function openRangeCache(folder: string): Promise<RangeCache> {
  const ranges: { start: number; end: number }[] = [];
  try {
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name, isFile } of Deno.readDir(folder)) {
      const [, start, end] = /^(\d+)-(\d+)$/.exec(name) ?? [];
      if (isFile && end) {
        ranges.push({ start: Number(start), end: Number(end) });
      }
    }
  } catch (cause) {
    throw new UsageError(
      `Cannot keep what is downloaded as 'cacheDir' must be a folder that can be written, or 'cache' be false: current value is ${folder}`,
      { cause },
    );
  }
  return {
    async find(start, end) {
      const range = ranges.find((each) =>
        each.start <= start && end <= each.end
      );
      if (!range) return undefined;
      const path = join(folder, `${range.start}-${range.end}`);
      return await readPart(path, start - range.start, end - start)
        .catch(() => undefined);
    },
    async keep(start, bytes) {
      const end = start + bytes.length;
      const part = join(folder, `${crypto.randomUUID()}.part`);
      try {
        await Deno.writeFile(part, bytes, { createNew: true });
        await Deno.rename(part, join(folder, `${start}-${end}`));
        ranges.push({ start, end });
      } catch (error) {
        await Deno.remove(part).catch(() => {});
        throw error;
      }
    },
  };
}

/** So many bytes of a file; nothing, where it has fewer. */
async function readPart(
  path: string,
  start: number,
  length: number,
): Promise<Uint8Array | undefined> {
  using file = await Deno.open(path);
  await file.seek(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) return undefined;
    filled += count;
  }
  return bytes;
}
