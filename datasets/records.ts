import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { openDecoders } from "../audio/mod.ts";
import type { Dataset } from "../plugins/mod.ts";
import {
  type ColumnNames,
  type ColumnOptions,
  nameColumns,
} from "./columns/names.ts";
import type { Manifest } from "./formats/manifest.ts";
import { isWeb } from "./columns/media.ts";
import { namer } from "./namer.ts";
import {
  idIn,
  type ItemsOptions,
  sessionOf,
} from "./columns/record_session.ts";
import { readAhead } from "../lib/read_ahead.ts";
import { remoteAudios } from "./columns/remote_audio.ts";
import { type SpeechOptions, speechShape } from "./reading_options.ts";

/** Options that all files of records have. */
export interface ManifestDatasetOptions extends SpeechOptions {
  /** The file. */
  path: string;
  /** Which columns hold what. @default {found by their names} */
  columns?: ColumnOptions;
  /**
   * How chats are sent: `last` as one request with all that is said before the last answer, which becomes the
   * reference unless `columns.reference` is empty; `all` as a session with a turn for each answer, which stands in
   * the history as it was recorded where the backend's `history` is `scripted`, and is no reference.
   *
   * @default {"last"}
   */
  turns?: "last" | "all";
  /** What paths of audio and images are relative to: a folder, or the URL of one. @default {the file's folder} */
  root?: string;
  /** Longest time to fetch the audio or the image behind a URL, in milliseconds. @default {30000} */
  fetchTimeoutMs?: number;
}

const column = (holds: string) => z.string().optional().describe(holds);

/** The schema of `columns`. */
export const columnsShape = z.strictObject({
  text: column("Holds the prompt to send"),
  texts: column("Holds several inputs of one request: a list of strings"),
  system: column("Holds what the model is told ahead of everything else"),
  messages: column("Holds a chat: OpenAI's messages or ShareGPT's turns"),
  audio: column("Holds the audio: a path, a URL, a data URI or base64"),
  images: column("Holds a picture or a list of them, as for audio"),
  tools: column("Holds the functions that the model may call"),
  toolResult: column("Holds what the calls before are answered with"),
  reference: column("Holds what a perfect answer would say; never sent"),
  answer: column("Holds the answer that stands in the history of later turns"),
  outputTokens: column("Holds how many tokens are to be generated"),
  id: column("Holds what each item is called"),
  start: column("Holds where in its file the audio begins, in seconds"),
  end: column("Holds where in its file the audio ends, in seconds"),
  duration: column("Holds how long the audio is, in seconds"),
}).default({}).describe(
  "Which columns hold what; those not named here are found by their names, one that is named empty is left out",
);

/** The schema of {@linkcode ManifestDatasetOptions}. */
export const manifestShape = {
  path: z.string().min(1).describe("The file"),
  columns: columnsShape,
  turns: z.enum(["last", "all"]).default("last").describe(
    "How chats are sent: last as one request, whose reference is the last answer; all as a session of turns",
  ),
  root: z.string().optional().describe(
    "What paths of audio and images are relative to: a folder, or the URL of one (default: the file's folder)",
  ),
  fetchTimeoutMs: z.number().positive().default(30_000).describe(
    "Longest time to fetch the audio or the image behind a URL, in milliseconds",
  ),
  ...speechShape,
};

const schema = z.strictObject(manifestShape);
type Options = z.output<typeof schema>;

/** Records whose headers are read before their turn comes. */
const AHEAD = 8;

/**
 * Makes a dataset of a file of records, which is closed with it.
 *
 * @throws {UsageError} If its columns cannot be used.
 */
export async function manifestDataset(
  opened: Promise<Manifest>,
  options: Omit<Options, "path">,
  path: string,
): Promise<Dataset> {
  const { shuffle, limit } = options;
  await using stack = new AsyncDisposableStack();
  const manifest = stack.use(await opened);
  const columns = columnsOf(manifest, path, options);
  const place = path + (manifest.mark ?? "#");
  const items = itemsOf(stack, { place, path, columns, options });
  const open = stack.move();
  return {
    facts: factsOf(manifest, { path, columns, options }),
    sessions({ seed, pass, signal }) {
      const needed = Object.values(columns);
      const order = { shuffle, limit, seed, pass };
      const rows = manifest.rows({ ...order, columns: needed, signal });
      const name = namer(basename(place));
      return readAhead(
        rows,
        (met) => sessionOf(met, name(met.line, idIn(met, columns)), items),
        { ahead: AHEAD, signal },
      );
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

function columnsOf(
  { columns, head }: Manifest,
  path: string,
  options: Pick<Options, "columns">,
): ColumnNames {
  const valuesOf = (name: string) =>
    head.map((row) => row[name]).filter((value) => (value ?? "") !== "");
  return nameColumns({ path, columns, valuesOf }, options.columns);
}

/** What makes sessions of records. Nothing is decoded or fetched before it is needed. */
function itemsOf(
  stack: AsyncDisposableStack,
  { place, path, columns, options }: {
    readonly place: string;
    readonly path: string;
    readonly columns: ColumnNames;
    readonly options: Omit<Options, "path">;
  },
): ItemsOptions {
  const { root, fetchTimeoutMs: timeoutMs, maxSeconds, turns } = options;
  const folder = root !== undefined && isWeb(root)
    ? root
    : resolve(root ?? dirname(path));
  const decoders = stack.use(openDecoders());
  const over = new AbortController();
  stack.defer(() => over.abort());
  const { signal } = over;
  const remote = remoteAudios({ decoders, timeoutMs, maxSeconds, signal });
  return {
    place,
    columns,
    turns,
    isCompared: options.columns.reference !== "",
    maxSeconds,
    speech: { decoders, remote, folder },
    images: { folder, timeoutMs, signal },
  };
}

function factsOf(
  { count }: Manifest,
  { path, columns, options: { shuffle, limit, turns } }: {
    readonly path: string;
    readonly columns: ColumnNames;
    readonly options: Omit<Options, "path">;
  },
) {
  const items = count === undefined ? limit : Math.min(count, limit ?? count);
  return {
    path,
    columns,
    ...(columns.messages !== undefined && { turns }),
    shuffle,
    ...(items !== undefined && { items }),
  };
}
