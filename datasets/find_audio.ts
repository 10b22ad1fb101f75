import { basename, dirname, extname, join } from "node:path";
import { UsageError } from "../plugins/mod.ts";
import { type Glob, isGlob, parseGlob } from "./glob.ts";
import { namesIn, walk } from "./walk.ts";

/** A file that should hold audio, with what lies beside it. Nothing has been opened yet. */
export interface AudioFile {
  /** Where it is. */
  readonly path: string;
  /** Its path below the folder that was searched, written with `/`. */
  readonly name: string;
  /** The transcript of the same name, if there is one. */
  readonly sidecar: string | undefined;
  /** Lists of transcripts in its folder: LibriSpeech's `*.trans.txt`. */
  readonly lists: readonly string[];
}

/** What audio files are called. */
export const AUDIO_EXTENSIONS: readonly string[] = [
  ".wav",
  ".flac",
  ".mp3",
  ".ogg",
  ".opus",
  ".oga",
];

/** Whether a file's name says that it holds audio. */
export function isAudioName(name: string): boolean {
  return AUDIO_EXTENSIONS.includes(extname(name).toLowerCase());
}

/**
 * What other files of sound and film are called. Whatever else lies in a folder, as transcripts and pictures do, is not
 * missed.
 */
const OTHER_MEDIA: ReadonlySet<string> = new Set([
  ...[".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".aac", ".adts", ".3gp", ".3g2"],
  ...[".webm", ".weba", ".mkv", ".mka", ".avi", ".mpg", ".mpeg", ".ogv"],
  ...[".wma", ".wmv", ".asf", ".amr", ".awb", ".aif", ".aiff", ".aifc", ".caf"],
  ...[".au", ".snd", ".sph", ".nist", ".raw", ".pcm", ".gsm", ".vox", ".voc"],
  ...[".ac3", ".dts", ".mp2", ".ape", ".wv", ".tta", ".spx", ".ra", ".rm"],
  ...[".w64", ".rf64", ".dsf", ".flv", ".shn"],
]);

/** What a path turned out to be. */
export interface FoundAudio {
  readonly kind: "file" | "folder" | "glob";
  /** In order of their names. */
  readonly files: readonly AudioFile[];
  /** How many files of sound are left out as they cannot be read, by their names' endings. */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** What is left out, in words: `9 .m4a, 3 .webm`; `undefined` where nothing is. */
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
 * @throws {UsageError} If the path does not exist, cannot be read, or leads to no audio.
 */
export async function findAudio(path: string): Promise<FoundAudio> {
  const info = await stat(path);
  const found = info
    ? await (info.isDirectory ? inFolder(path) : oneFile(path))
    : await byGlob(path);
  if (found.files.length > 0) return found;
  const leftOut = leftOutOf(found);
  const what = found.kind === "glob" ? "matches" : "is in";
  throw new UsageError(
    `Cannot read audio as no audio found: nothing named ${
      AUDIO_EXTENSIONS.map((extension) => `*${extension}`).join(", ")
    } ${what} ${JSON.stringify(path)} (hidden files and folders are left out)${
      leftOut === undefined ? "" : `; ${leftOut}`
    }`,
  );
}

async function oneFile(path: string): Promise<FoundAudio> {
  const folder = dirname(path);
  const beside = besideOf(folder, await namesIn(folder));
  const name = basename(path);
  const files = [audioFile({ path, name }, beside)];
  return { kind: "file", files, leftOut: new Map() };
}

async function inFolder(path: string): Promise<FoundAudio> {
  return { kind: "folder", ...await audioIn(path) };
}

async function byGlob(path: string): Promise<FoundAudio> {
  const pattern = Deno.build.os === "windows"
    ? path.replaceAll("\\", "/")
    : path;
  const glob = isGlob(pattern) ? globOf(pattern) : undefined;
  if (!glob || !await stat(glob.base)) {
    const missing = glob && glob.base !== "."
      ? `${JSON.stringify(path)}, and ${
        JSON.stringify(glob.base)
      } does not exist`
      : `${JSON.stringify(path)}, which does not exist`;
    throw new UsageError(
      `Cannot read audio as 'path' must name a folder, a file or a glob: current value is ${missing}`,
    );
  }
  return { kind: "glob", ...await audioIn(glob.base, glob) };
}

function globOf(pattern: string): Glob {
  try {
    return parseGlob(pattern);
  } catch (cause) {
    throw new UsageError(
      `Cannot read audio as 'path' must be a well-formed glob: current value is ${
        JSON.stringify(pattern)
      }`,
      { cause },
    );
  }
}

async function audioIn(
  root: string,
  glob?: Glob,
): Promise<Omit<FoundAudio, "kind">> {
  const files: AudioFile[] = [];
  const leftOut = new Map<string, number>();
  for await (const { path, prefix, names } of walk(root, glob?.depth)) {
    const beside = besideOf(path, names);
    for (const name of names) {
      const found = { path: join(path, name), name: prefix + name };
      if (glob && !glob.matches.test(found.name)) continue;
      const kind = extname(name).toLowerCase();
      if (isAudioName(name)) files.push(audioFile(found, beside));
      else if (OTHER_MEDIA.has(kind)) {
        leftOut.set(kind, (leftOut.get(kind) ?? 0) + 1);
      }
    }
  }
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), leftOut };
}

/** What in a folder may hold transcripts. */
interface Beside {
  /** By the name without its extension. */
  readonly sidecars: ReadonlyMap<string, string>;
  readonly lists: readonly string[];
}

function besideOf(folder: string, names: readonly string[]): Beside {
  const lists = names.filter((name) => name.endsWith(".trans.txt"));
  const sidecars = names.filter((name) => /\.(txt|lab)$/i.test(name));
  return {
    lists: lists.map((name) => join(folder, name)),
    sidecars: new Map(
      sidecars.map((name) => [stemOf(name), join(folder, name)]),
    ),
  };
}

function audioFile(
  found: { path: string; name: string },
  { sidecars, lists }: Beside,
): AudioFile {
  return { ...found, sidecar: sidecars.get(stemOf(found.path)), lists };
}

/** The name of a file, without folder and extension. */
export function stemOf(path: string): string {
  return basename(path, extname(path));
}

async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new UsageError(`Cannot read ${JSON.stringify(path)}`, { cause });
  }
}
