import { basename, dirname, extname, join, posix } from "node:path";
import { UsageError } from "../plugins/mod.ts";

/** An audio file with its transcripts. It has not been opened yet. */
export interface AudioFile {
  /** The file's path. */
  readonly path: string;
  /** The path below the folder that was searched, written with `/`. */
  readonly name: string;
  /** The transcript with the same name. */
  readonly sidecar: string | undefined;
  /** Lists of transcripts in the file's folder: LibriSpeech's `*.trans.txt`. */
  readonly lists: readonly string[];
}

/** Extensions of audio files that can be decoded. */
export const AUDIO_EXTENSIONS: readonly string[] = [
  ".wav",
  ".flac",
  ".mp3",
  ".ogg",
  ".opus",
  ".oga",
];

/** Whether a file's extension is that of audio. */
export function isAudioName(name: string): boolean {
  return AUDIO_EXTENSIONS.includes(extname(name).toLowerCase());
}

/** Extensions of other audio and video files, which are reported as left out. */
const OTHER_MEDIA: ReadonlySet<string> = new Set([
  ...[".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".aac", ".adts", ".3gp", ".3g2"],
  ...[".webm", ".weba", ".mkv", ".mka", ".avi", ".mpg", ".mpeg", ".ogv"],
  ...[".wma", ".wmv", ".asf", ".amr", ".awb", ".aif", ".aiff", ".aifc", ".caf"],
  ...[".au", ".snd", ".sph", ".nist", ".raw", ".pcm", ".gsm", ".vox", ".voc"],
  ...[".ac3", ".dts", ".mp2", ".ape", ".wv", ".tta", ".spx", ".ra", ".rm"],
  ...[".w64", ".rf64", ".dsf", ".flv", ".shn"],
]);

/** The audio files that a path leads to. */
export interface FoundAudio {
  readonly kind: "file" | "folder" | "glob";
  /** In order of their names. */
  readonly files: readonly AudioFile[];
  /** Number of audio and video files that cannot be decoded, by extension. */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** A warning about the files that are left out, if there are any. */
export function leftOutOf({ leftOut }: FoundAudio): string | undefined {
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
  const found: FoundAudio = info
    ? info.isDirectory
      ? { kind: "folder", ...await search(path) }
      : await oneFile(path)
    : { kind: "glob", ...await searchGlob(path) };
  if (found.files.length > 0) return found;
  const leftOut = leftOutOf(found);
  throw new UsageError(
    `path: no audio found: nothing named ${
      AUDIO_EXTENSIONS.map((extension) => `*${extension}`).join(", ")
    } ${found.kind === "glob" ? "matches" : "is in"} ${
      JSON.stringify(path)
    } (hidden files and folders are left out)${
      leftOut === undefined ? "" : `; ${leftOut}`
    }`,
  );
}

/** The name of a file without folder and extension. */
export function stemOf(path: string): string {
  return basename(path, extname(path));
}

/** Whether a path has wildcards. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

async function oneFile(path: string): Promise<FoundAudio> {
  const folder = dirname(path);
  const listed = await listFolder({ path: folder, prefix: "" });
  const files = [audioFile(listed, basename(path), transcriptsOf(listed))];
  return { kind: "file", files, leftOut: new Map() };
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
  for await (const folder of walk(root, levels)) {
    const transcripts = transcriptsOf(folder);
    for (const name of folder.names) {
      const path = folder.prefix + name;
      if (pattern && !posix.matchesGlob(path, pattern)) continue;
      const extension = extname(name).toLowerCase();
      if (isAudioName(name)) files.push(audioFile(folder, name, transcripts));
      else if (OTHER_MEDIA.has(extension)) {
        leftOut.set(extension, (leftOut.get(extension) ?? 0) + 1);
      }
    }
  }
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), leftOut };
}

/** The files of a folder that can be transcripts. */
interface Transcripts {
  /** Paths by the name without its extension. */
  readonly sidecars: ReadonlyMap<string, string>;
  readonly lists: readonly string[];
}

function transcriptsOf({ path, names }: ListedFolder): Transcripts {
  const sidecars = names.filter((name) => /\.(txt|lab)$/i.test(name));
  return {
    sidecars: new Map(sidecars.map((name) => [stemOf(name), join(path, name)])),
    lists: names.filter((name) => name.endsWith(".trans.txt"))
      .map((name) => join(path, name)),
  };
}

function audioFile(
  { path, prefix }: ListedFolder,
  name: string,
  { sidecars, lists }: Transcripts,
): AudioFile {
  return {
    path: join(path, name),
    name: prefix + name,
    sidecar: sidecars.get(stemOf(name)),
    lists,
  };
}

interface Folder {
  readonly path: string;
  /** The path below the root with a `/` at its end; empty for the root. */
  readonly prefix: string;
}

interface ListedFolder extends Folder {
  /** The path with all links resolved. */
  readonly real: string;
  /** Names of the files, in order. */
  readonly names: readonly string[];
  readonly folders: readonly Folder[];
}

/**
 * Lists a folder and those below it, each once, however links lead. Node's `glob()` is not used: it follows links to
 * folders only one level deep, and skips folders that cannot be read.
 *
 * @param levels Number of levels; 1 is the folder itself.
 */
async function* walk(
  root: string,
  levels: number,
): AsyncGenerator<ListedFolder> {
  const seen = new Set<string>();
  let folders: Folder[] = [{ path: root, prefix: "" }];
  for (let level = 1; level <= levels && folders.length > 0; level++) {
    const below: Folder[] = [];
    for (const folder of folders) {
      const listed = await listFolder(folder);
      if (seen.has(listed.real)) continue;
      seen.add(listed.real);
      yield listed;
      below.push(...listed.folders);
    }
    folders = below;
  }
}

/** Lists what is not hidden in a folder. */
async function listFolder({ path, prefix }: Folder): Promise<ListedFolder> {
  const names: string[] = [];
  const folders: Folder[] = [];
  try {
    for await (const entry of Deno.readDir(path)) {
      const { name, isSymlink } = entry;
      if (name.startsWith(".")) continue;
      const inside = join(path, name);
      const { isFile, isDirectory } = isSymlink
        // A link to nothing is skipped.
        ? await Deno.stat(inside).catch(() => entry)
        : entry;
      if (isFile) names.push(name);
      if (isDirectory) {
        folders.push({ path: inside, prefix: `${prefix}${name}/` });
      }
    }
    const byPath = (a: Folder, b: Folder) => a.path < b.path ? -1 : 1;
    return {
      path,
      prefix,
      real: await Deno.realPath(path),
      names: names.sort(),
      folders: folders.sort(byPath),
    };
  } catch (cause) {
    throw new UsageError(`cannot read the folder ${JSON.stringify(path)}`, {
      cause,
    });
  }
}

async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new UsageError(`cannot read ${JSON.stringify(path)}`, { cause });
  }
}
