import { dirname, resolve } from "node:path";
import { z } from "zod";
import { openDecoders } from "../audio/mod.ts";
import { readAhead } from "../lib/concurrency.ts";
import type { Dataset, Session } from "../plugins/mod.ts";
import { isWeb } from "./columns/media.ts";
import {
  type ColumnNames,
  type ColumnOptions,
  nameColumns,
} from "./columns/names.ts";
import {
  type RecordOptions,
  recordTurns,
  sessionMaker,
} from "./columns/record_session.ts";
import { timeIn, type TimeUnit, timeUnit } from "./columns/times.ts";
import type { Manifest, RecordResult } from "./formats/manifest.ts";
import { AHEAD, type SpeechOptions, speechShape } from "./speech.ts";

/** Options of all datasets that read a file of records. */
export interface ManifestDatasetOptions extends SpeechOptions {
  /** Path of the file. */
  path: string;
  /** The columns of each role. @default {found by their names} */
  columns?: ColumnOptions;
  /**
   * How chats are sent. `last`: one request with all messages before the last answer, which becomes the reference
   * unless `columns.reference` is empty. `all`: a session with a turn per answer; the recorded answers are sent as
   * history if the backend's `history` is `scripted`, and are not references.
   *
   * @default {"last"}
   */
  turns?: "last" | "all";
  /** Folder or URL that paths of audio and images are relative to. @default {the file's folder} */
  root?: string;
  /** Unit of the numbers in the column of `columns.timestamp`. @default {"s"} */
  timeUnit?: TimeUnit;
  /** Timeout for fetching audio or an image from a URL, in milliseconds. @default {30000} */
  fetchTimeoutMs?: number;
}

const column = (content: string) => z.string().optional().describe(content);

/** The schema of `columns`. */
export const columnsShape = z.strictObject({
  text: column("Prompt to send"),
  texts: column("Several inputs of one request: a list of strings"),
  system: column("System prompt, sent before everything else"),
  messages: column("Chat: OpenAI's messages or ShareGPT's turns"),
  audio: column("Audio: a path, a URL, a data URI or base64"),
  images: column("Image or list of images, given as for audio"),
  tools: column("Functions that the model may call"),
  toolResult: column("Result of the tool calls before"),
  reference: column("Text of a perfect answer; never sent"),
  answer: column("Recorded answer, for the history of later turns"),
  outputTokens: column("Number of tokens to generate"),
  id: column("Id of the item"),
  start: column("Start of the audio in its file, in seconds"),
  end: column("End of the audio in its file, in seconds"),
  duration: column("Length of the audio, in seconds"),
  timestamp: column("When it was recorded, for the load replay"),
}).default({}).describe(
  "Column of each role; roles that are not named are found by column names, an empty name leaves a role out",
);

/** The schema of {@linkcode ManifestDatasetOptions}. */
export const manifestShape = {
  path: z.string().min(1).meta({ format: "path" }).describe("Path of the file"),
  columns: columnsShape,
  turns: z.enum(["last", "all"]).default("last").describe(
    "How chats are sent: last as one request, whose reference is the last answer; all as a session with a turn per answer",
  ),
  root: z.string().meta({ format: "path" }).optional().describe(
    "Folder or URL that paths of audio and images are relative to (default: the file's folder)",
  ),
  timeUnit: timeUnit.default("s").describe(
    "Unit of the numbers in the column of columns.timestamp",
  ),
  fetchTimeoutMs: z.number().positive().default(30_000).describe(
    "Timeout for fetching audio or an image from a URL, in milliseconds",
  ),
  ...speechShape,
};

const schema = z.strictObject(manifestShape);

type Options = Omit<z.output<typeof schema>, "path">;

/**
 * Makes a dataset of a file of records. The file is closed with the dataset.
 *
 * @param path The file's path, for errors and the report.
 * @throws {UsageError} If its columns cannot be used.
 */
export async function manifestDataset(
  opened: Promise<Manifest>,
  options: Options,
  path: string,
): Promise<Dataset> {
  const { shuffle, limit } = options;
  await using stack = new AsyncDisposableStack();
  const manifest = stack.use(await opened);
  const columns = columnsOf(manifest, path, options);
  const place = path + manifest.mark;
  const reading = recordOptions(stack, path, columns, options);
  const held = stack.move();
  return {
    facts: factsOf(manifest, path, columns, options),
    sessions({ seed, pass, signal }) {
      const needed = Object.values(columns);
      const order = { shuffle, limit, seed, pass };
      const rows = manifest.rows({ ...order, columns: needed, signal });
      const make = sessionMaker(place, columns.id);
      const timed = async (record: RecordResult): Promise<Session> => {
        let startMs: number | undefined;
        const session = await make(record, (row) => {
          const { timestamp } = columns;
          if (timestamp !== undefined) {
            startMs = timeIn(row, timestamp, options.timeUnit);
          }
          return recordTurns(row, reading);
        });
        return startMs === undefined ? session : { ...session, startMs };
      };
      return readAhead(rows, timed, { ahead: AHEAD, signal });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function columnsOf(
  { columns, head }: Manifest,
  path: string,
  options: Options,
): ColumnNames {
  const valuesOf = (name: string) =>
    head.map((row) => row[name]).filter((value) => (value ?? "") !== "");
  return nameColumns({ path, columns, valuesOf }, options.columns);
}

/** Opens the decoders and downloads of records. Nothing is decoded or fetched before it is used. */
function recordOptions(
  stack: AsyncDisposableStack,
  path: string,
  columns: ColumnNames,
  options: Options,
): RecordOptions {
  const { root, fetchTimeoutMs: timeoutMs, maxSeconds, turns } = options;
  const folder = root !== undefined && isWeb(root)
    ? root
    : resolve(root ?? dirname(path));
  const decoders = stack.use(openDecoders());
  const closed = new AbortController();
  stack.defer(() => closed.abort());
  return {
    columns,
    turns,
    isCompared: options.columns.reference !== "",
    folder,
    timeoutMs,
    signal: closed.signal,
    decoders,
    maxSeconds,
    lengthsMs: new Map(),
  };
}

function factsOf(
  { count }: Manifest,
  path: string,
  columns: ColumnNames,
  { shuffle, limit, turns, timeUnit }: Options,
) {
  const items = count === undefined ? limit : Math.min(count, limit ?? count);
  return {
    path,
    columns,
    ...(columns.messages !== undefined && { turns }),
    ...(columns.timestamp !== undefined && { timeUnit }),
    shuffle,
    ...(items !== undefined && { items }),
  };
}
