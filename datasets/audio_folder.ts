import { basename, dirname, extname, join } from "node:path";
import { z } from "zod";
import { fileSource, openDecoders } from "../audio/mod.ts";
import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  messageOf,
  type OpenContext,
  type Session,
  UsageError,
} from "../plugins/mod.ts";
import { type AudioFile, findAudio } from "./find_audio.ts";
import { ByteCache } from "../lib/bytes.ts";
import {
  orderedSessions,
  speechColumns,
  type SpeechOptions,
  speechSession,
  speechShape,
} from "./speech.ts";

/** Options of {@linkcode audioFolder}. */
export interface AudioFolderOptions extends SpeechOptions {
  /** A folder that is searched recursively, a glob such as `./clips/*.flac`, or one file. */
  path: string;
  /**
   * Source of the references. `auto`: a `.txt` or `.lab` file with the same name in the same folder, else
   * LibriSpeech's `*.trans.txt` there. `none`: no references.
   *
   * @default {"auto"}
   */
  transcripts?: "auto" | "none";
}

const schema = z.strictObject({
  path: z.string().min(1).meta({ format: "path" }).describe(
    "A folder (searched recursively), a glob such as ./clips/**/*.flac, or one audio file",
  ),
  transcripts: z.enum(["auto", "none"]).default("auto").describe(
    "Source of the references; auto: .txt or .lab files with the audio's name, or LibriSpeech's *.trans.txt; none: no references",
  ),
  ...speechShape,
});

/**
 * Speech in a folder: WAV, FLAC, MP3, Ogg Opus and Ogg Vorbis. Each file is a session of one turn with `audio`, and
 * `reference` if it has a transcript.
 *
 * @example Usage
 * ```ts
 * import { audioFolder } from "@earshot/earshot";
 *
 * const dataset = audioFolder({ path: "./clips", shuffle: true, limit: 100 });
 * ```
 */
export const audioFolder: DatasetPlugin<AudioFolderOptions> = defineDataset({
  name: "audio-folder",
  summary: "Speech in a folder, with transcripts beside it",
  primary: "path",
  options: schema,
  open,
});

type Options = z.output<typeof schema>;

async function open(
  options: Options,
  { warn }: OpenContext,
): Promise<Dataset> {
  const found = await findAudio(options.path);
  if (found.leftOut !== undefined) warn(`${options.path}: ${found.leftOut}`);
  const decoders = openDecoders();
  const close = () => decoders[Symbol.asyncDispose]();
  const { path, transcripts, maxSeconds, shuffle, limit } = options;
  const find = transcripts === "auto" ? transcriptFinder() : undefined;
  const item = ({ path, name }: AudioFile): Promise<Session> =>
    speechSession(name, async () => {
      const reference = await find?.(path);
      const clip = await decoders.clip(fileSource(path, { id: name }));
      return speechColumns(clip, reference, maxSeconds);
    });
  if (found.kind === "file") {
    const { problem } = await item(found.files[0]!);
    if (problem !== undefined) {
      await close();
      throw new UsageError(problem);
    }
  }
  const { length: count } = found.files;
  return {
    facts: { path, items: Math.min(count, limit ?? count), shuffle },
    sessions: orderedSessions(count, options, (i) => item(found.files[i]!)),
    [Symbol.asyncDispose]: close,
  };
}

/** Number of folders and lists that are kept: files of one folder follow each other unless they are shuffled. */
const KEPT = 64;

/**
 * Returns a function that reads the transcript of an audio file when it is called: the sidecar, else the lists in its folder.
 *
 * @throws {Error} When called, if a transcript exists but cannot be read.
 */
function transcriptFinder(): (path: string) => Promise<string | undefined> {
  const folders = new ByteCache<string[]>(KEPT, () => 1);
  const lists = new ByteCache<Map<string, string>>(KEPT, () => 1);
  return async (path) => {
    const folder = dirname(path);
    const stem = basename(path, extname(path));
    const texts = await folders.get(folder, () => textsIn(folder));
    const sidecar = texts.findLast((name) => stem === name.slice(0, -4));
    if (sidecar) return (await readText(join(folder, sidecar))).trim();
    for (const name of texts.filter((name) => name.endsWith(".trans.txt"))) {
      const list = join(folder, name);
      const read = async () => parseList(await readText(list));
      const text = (await lists.get(list, read)).get(stem);
      if (text !== undefined) return text;
    }
    return undefined;
  };
}

/** The names of the `.lab` and `.txt` files of a folder. */
async function textsIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map(({ name }) => name)
    .filter((name) => /^[^.].*\.(txt|lab)$/i.test(name)).sort();
}

/** Parses a list with `ID WORDS…` per line. */
function parseList(text: string): Map<string, string> {
  const byId = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const entry = line.trim();
    const [id] = /^\S+/u.exec(entry) ?? [];
    if (id !== undefined) byId.set(id, entry.slice(id.length).trim());
  }
  return byId;
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await Deno.readFile(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const reason = cause instanceof TypeError
      ? "it must be UTF-8"
      : messageOf(cause);
    throw new Error(`cannot read the transcript ${path}: ${reason}`, { cause });
  }
}
