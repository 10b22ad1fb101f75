import { basename, extname, join, posix } from "node:path";
import { messageOf, UsageError } from "../plugins/mod.ts";

/** A file below a folder. It has not been opened yet. */
export interface AudioFile {
  /** The file's path. */
  readonly path: string;
  /** The path below the folder that was searched, written with `/`. */
  readonly name: string;
}

/** Extensions of audio files that can be decoded. */
export const AUDIO_EXTENSIONS: readonly string[] =
  ".wav .flac .mp3 .ogg .opus .oga".split(" ");

/** Whether a file's extension is that of audio. */
export function isAudioName(name: string): boolean {
  return AUDIO_EXTENSIONS.includes(extname(name).toLowerCase());
}

/** Extensions of other audio and video files, which are reported as left out. */
const OTHER_MEDIA: ReadonlySet<string> = new Set(
  (".m4a .m4b .mp4 .m4v .mov .aac .adts .3gp .3g2 .webm .weba .mkv .mka .avi .mpg .mpeg .ogv .wma .wmv .asf .amr " +
    ".awb .aif .aiff .aifc .caf .au .snd .sph .nist .raw .pcm .gsm .vox .voc .ac3 .dts .mp2 .ape .wv .tta .spx .ra " +
    ".rm .w64 .rf64 .dsf .flv .shn").split(" "),
);

/** The audio files that a path leads to. */
export interface FoundAudio {
  readonly kind: "file" | "folder" | "glob";
  /** In order of their names. */
  readonly files: readonly AudioFile[];
  /** A warning about the files that cannot be decoded, if there are any. */
  readonly leftOut: string | undefined;
}

/** Describes the files that are left out, by the number of each extension. */
function describeLeftOut(
  leftOut: ReadonlyMap<string, number>,
): string | undefined {
  if (leftOut.size === 0) return undefined;
  const kinds = [...leftOut].sort(([a, m], [b, n]) =>
    n - m || (a < b ? -1 : 1)
  );
  const count = kinds.reduce((sum, [, each]) => sum + each, 0);
  const list = kinds.map(([kind, count]) => `${count} ${kind}`).join(", ");
  return `left out ${count} ${
    count === 1 ? "file that is" : "files that are"
  } not readable audio: ${list} (convert with ffmpeg -i IN OUT.flac)`;
}

/**
 * Finds audio by a folder, a file or a glob. Hidden files and folders are left out.
 *
 * @throws {UsageError} If the path does not exist, cannot be read, or has no audio.
 */
export async function findAudio(path: string): Promise<FoundAudio> {
  const info = await stat(path);
  if (info && !info.isDirectory) {
    const file = { path: join(path), name: basename(path) };
    return { kind: "file", files: [file], leftOut: undefined };
  }
  const found: FoundAudio = info
    ? { kind: "folder", ...await search(path) }
    : { kind: "glob", ...await searchGlob(path) };
  if (found.files.length > 0) return found;
  throw new UsageError(
    `path: no audio found: nothing named ${
      AUDIO_EXTENSIONS.map((extension) => `*${extension}`).join(", ")
    } ${found.kind === "glob" ? "matches" : "is in"} ${
      JSON.stringify(path)
    } (hidden files and folders are left out)${
      found.leftOut === undefined ? "" : `; ${found.leftOut}`
    }`,
  );
}

/** Whether a path has wildcards. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

async function searchGlob(path: string) {
  const pattern = Deno.build.os === "windows"
    ? path.replaceAll("\\", "/")
    : path;
  const segments = pattern.split("/");
  const first = segments.findIndex(isGlob);
  const base = first === 0 ? "." : segments.slice(0, first).join("/") || "/";
  if (first < 0 || !await stat(base)) {
    const is = first < 0 || base === "."
      ? `${JSON.stringify(path)}, which does not exist`
      : `${JSON.stringify(path)}, and ${JSON.stringify(base)} does not exist`;
    throw new UsageError(
      `path: must be a folder, a file or a glob, but was ${is}`,
    );
  }
  return search(base, segments.slice(first).join("/"));
}

/** Finds audio below a folder: all of it, or that whose name matches a pattern. */
async function search(root: string, pattern?: string) {
  const files: AudioFile[] = [];
  const leftOut = new Map<string, number>();
  const levels = pattern === undefined || pattern.includes("**")
    ? Infinity
    : pattern.split("/").length;
  for await (const file of walk(root, levels)) {
    if (pattern && !posix.matchesGlob(file.name, pattern)) continue;
    const extension = extname(file.name).toLowerCase();
    if (isAudioName(file.name)) files.push(file);
    else if (OTHER_MEDIA.has(extension)) {
      leftOut.set(extension, (leftOut.get(extension) ?? 0) + 1);
    }
  }
  files.sort((a, b) => a.name < b.name ? -1 : 1);
  return { files, leftOut: describeLeftOut(leftOut) };
}

/**
 * Lists the files of a folder and those below it that are not hidden, each folder once, however links lead. Node's
 * `glob()` is not used: it follows links to folders only one level deep, and skips folders that cannot be read.
 *
 * @param levels Number of levels; 1 is the folder itself.
 */
async function* walk(root: string, levels: number): AsyncGenerator<AudioFile> {
  const seen = new Set<string>();
  const folders = [{ path: root, prefix: "", level: 1 }];
  for (const { path: folder, prefix, level } of folders) {
    const { real, entries } = await readFolder(folder);
    if (seen.has(real)) continue;
    seen.add(real);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const name = prefix + entry.name;
      const { isFile, isDirectory } = entry.isSymlink
        // A link to nothing is skipped.
        ? await Deno.stat(path).catch(() => entry)
        : entry;
      if (isFile) yield { path, name };
      if (isDirectory && level < levels) {
        folders.push({ path, prefix: `${name}/`, level: level + 1 });
      }
    }
  }
}

/** Reads the entries of a folder that are not hidden, in the order of their names, and its path without links. */
async function readFolder(path: string) {
  try {
    const real = await Deno.realPath(path);
    const entries = await Array.fromAsync(Deno.readDir(path));
    return {
      real,
      entries: entries.filter(({ name }) => !name.startsWith("."))
        .sort((a, b) => a.name < b.name ? -1 : 1),
    };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): UsageError {
  return new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
}
