import { z } from "zod";
import { type Decoders, fileSource, openDecoders } from "../audio/mod.ts";
import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  messageOf,
  type OpenContext,
  type Session,
  UsageError,
} from "../plugins/mod.ts";
import {
  type AudioFile,
  findAudio,
  type FoundAudio,
  leftOutOf,
  stemOf,
} from "./find_audio.ts";
import { orderOf } from "./order.ts";
import { readAhead } from "../lib/concurrency.ts";
import { type SpeechOptions, speechShape } from "./speech.ts";
import { speechColumns, speechSession } from "./speech.ts";

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

/** Number of files whose headers are read ahead. */
const AHEAD = 8;

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
  const leftOut = leftOutOf(found);
  if (leftOut !== undefined) warn(`${options.path}: ${leftOut}`);
  const decoders = openDecoders();
  const item = reader(decoders, options);
  if (found.kind === "file") {
    await refuseUnusable(found, item).catch(async (error) => {
      await decoders[Symbol.asyncDispose]();
      throw error;
    });
  }
  return {
    facts: factsOf(found, options),
    sessions({ seed, pass, signal }) {
      const { shuffle, limit } = options;
      const order = orderOf(found.files.length, { shuffle, limit, seed, pass });
      return readAhead(order, (i) => item(found.files[i]!), {
        ahead: AHEAD,
        signal,
      });
    },
    [Symbol.asyncDispose]: () => decoders[Symbol.asyncDispose](),
  };
}

function factsOf({ files }: FoundAudio, options: Options) {
  const { path, shuffle, limit = files.length } = options;
  return { path, items: Math.min(files.length, limit), shuffle };
}

function reader(
  decoders: Decoders,
  options: Options,
): (file: AudioFile) => Promise<Session> {
  const find: FindTranscript = options.transcripts === "auto"
    ? transcriptFinder()
    : () => Promise.resolve(undefined);
  const { maxSeconds } = options;
  return (file) =>
    speechSession(file.name, async () => {
      const reference = await find(file);
      const source = fileSource(file.path, { id: file.name });
      return speechColumns(decoders, source, { maxSeconds, reference });
    });
}

/** Refuses a single file that cannot be used before the run. */
async function refuseUnusable(
  { files }: FoundAudio,
  item: (file: AudioFile) => Promise<Session>,
): Promise<void> {
  const { problem } = await item(files[0]!);
  if (problem !== undefined) throw new UsageError(problem);
}

/** Finds the transcript of a file. */
type FindTranscript = (file: AudioFile) => Promise<string | undefined>;

/** Number of lists that are kept: files of one folder follow each other unless they are shuffled. */
const KEPT_LISTS = 64;

/**
 * Returns a function that reads the transcript of a file when it is called: the sidecar, else the lists in its folder.
 *
 * @throws {Error} When called, if a transcript exists but cannot be read.
 */
function transcriptFinder(): FindTranscript {
  const kept = new Map<string, Promise<Map<string, string>>>();

  function readList(path: string): Promise<Map<string, string>> {
    const found = kept.get(path) ?? readText(path).then(parseList);
    kept.delete(path);
    kept.set(path, found);
    if (kept.size > KEPT_LISTS) kept.delete([...kept.keys()][0]!);
    return found;
  }

  return async ({ path, sidecar, lists }) => {
    if (sidecar !== undefined) return (await readText(sidecar)).trim();
    const stem = stemOf(path);
    for (const list of lists) {
      const text = (await readList(list)).get(stem);
      if (text !== undefined) return text;
    }
    return undefined;
  };
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
