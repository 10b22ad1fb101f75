import { z } from "zod";
import { type Decoders, fileSource, openDecoders } from "../audio/mod.ts";
import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  type OpenContext,
  type Session,
  UsageError,
} from "../plugins/mod.ts";
import {
  type AudioFile,
  findAudio,
  type FoundAudio,
  leftOutOf,
} from "./find_audio.ts";
import { orderOf } from "./order.ts";
import { readAhead } from "../lib/read_ahead.ts";
import { type SpeechOptions, speechShape } from "./reading_options.ts";
import { speechColumns, speechSession } from "./speech.ts";
import { type Transcripts, transcripts } from "./transcripts.ts";

/** Options of {@linkcode audioFolder}. */
export interface AudioFolderOptions extends SpeechOptions {
  /** A folder, which is searched with all below it, a glob such as `./clips/*.flac`, or one file. */
  path: string;
  /**
   * Where references come from: `auto` reads a `.txt` or `.lab` of the same name beside the audio, else
   * LibriSpeech's `*.trans.txt` in the same folder; `none` looks for nothing.
   *
   * @default {"auto"}
   */
  transcripts?: "auto" | "none";
}

/** Headers that are read before their turn comes. */
const AHEAD = 8;

const schema = z.strictObject({
  path: z.string().min(1).describe(
    "A folder (searched with all below it), a glob such as ./clips/**/*.flac, or one audio file",
  ),
  transcripts: z.enum(["auto", "none"]).default("auto").describe(
    "auto: references from .txt or .lab files beside the audio, or LibriSpeech's *.trans.txt; none: no references",
  ),
  ...speechShape,
});

/**
 * Speech in a folder: WAV, FLAC, MP3, Ogg Opus and Ogg Vorbis, each file a session of one turn
 * with `audio`, and `reference` where there is a transcript.
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
  const find: Transcripts = options.transcripts === "auto"
    ? transcripts()
    : () => Promise.resolve(undefined);
  const { maxSeconds } = options;
  return (file) =>
    speechSession(file.name, async () => {
      const reference = await find(file);
      const source = fileSource(file.path, { id: file.name });
      return speechColumns(decoders, source, { maxSeconds, reference });
    });
}

/** Of one file alone it can be told before the run whether there is anything to send. */
async function refuseUnusable(
  { files }: FoundAudio,
  item: (file: AudioFile) => Promise<Session>,
): Promise<void> {
  const { problem } = await item(files[0]!);
  if (problem !== undefined) throw new UsageError(problem);
}
