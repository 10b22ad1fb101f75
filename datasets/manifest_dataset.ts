import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { openDecoders } from "../audio/mod.ts";
import type { Dataset } from "../plugins/mod.ts";
import { looksLikeAudio } from "./audio_value.ts";
import {
  type ColumnNames,
  type ColumnOptions,
  nameColumns,
} from "./column_names.ts";
import { type Manifest, type Met, openManifest } from "./manifest.ts";
import type { ManifestFormat } from "./manifest_format.ts";
import {
  idIn,
  type ItemsOptions,
  sessionOf,
  type Speech,
} from "./manifest_item.ts";
import { readAhead } from "./read_ahead.ts";
import { remoteAudios } from "./remote_audio.ts";
import { type SpeechOptions, speechShape } from "./shared_options.ts";

/** Options that all manifests have. */
export interface ManifestDatasetOptions extends SpeechOptions {
  /** The manifest's file. */
  path: string;
  /** Which columns hold what. @default {found by their names} */
  columns?: ColumnOptions;
  /** What paths of audio are relative to. @default {the manifest's folder} */
  root?: string;
  /** Longest time to fetch the audio behind a URL, in milliseconds. @default {30000} */
  fetchTimeoutMs?: number;
}

/** The schema of {@linkcode ManifestDatasetOptions}. */
export const manifestShape = {
  path: z.string().min(1).describe("The manifest's file"),
  columns: z.strictObject({
    audio: z.string().optional().describe(
      "Holds the audio: a path, a URL, a data URI or base64",
    ),
    reference: z.string().optional().describe(
      "Holds what a perfect answer would say; never sent",
    ),
    text: z.string().optional().describe("Holds the prompt to send"),
    id: z.string().optional().describe("Holds what each item is called"),
  }).default({}).describe(
    "Which columns hold what; those not named here are found by their names",
  ),
  root: z.string().optional().describe(
    "What paths of audio are relative to (default: the manifest's folder)",
  ),
  fetchTimeoutMs: z.number().positive().default(30_000).describe(
    "Longest time to fetch the audio behind a URL, in milliseconds",
  ),
  ...speechShape,
};

const schema = z.strictObject(manifestShape);
type Options = z.output<typeof schema>;

/** Records whose headers are read before their turn comes. */
const AHEAD = 8;

/**
 * Opens a manifest of either format as a dataset.
 *
 * @throws {UsageError} If the manifest or its columns cannot be used.
 */
export async function openManifestDataset(
  options: Options,
  format: ManifestFormat,
): Promise<Dataset> {
  const { path, shuffle, limit, maxSeconds } = options;
  await using stack = new AsyncDisposableStack();
  const manifest = stack.use(await openManifest(path, format, { shuffle }));
  const columns = columnsOf(manifest, options);
  const speech = columns.audio === undefined
    ? undefined
    : openSpeech(stack, options);
  const items: ItemsOptions = { path, columns, maxSeconds, speech };
  const opened = stack.move();
  return {
    facts: factsOf(manifest, columns, options),
    sessions({ seed, pass, signal }) {
      const rows = manifest.rows({ shuffle, limit, seed, pass });
      const nameFor = namer(path, columns);
      return readAhead(
        rows,
        (met) => sessionOf(met, nameFor(met), items),
        { ahead: AHEAD, signal },
      );
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function columnsOf(
  manifest: Manifest,
  { path, columns }: Options,
): ColumnNames {
  return nameColumns({
    path,
    columns: manifest.columns,
    looksLikeAudio: (name) =>
      manifest.head.some((row) => looksLikeAudio(row[name])),
  }, columns);
}

function openSpeech(stack: AsyncDisposableStack, options: Options): Speech {
  const { path, root, fetchTimeoutMs, maxSeconds } = options;
  const decoders = stack.use(openDecoders());
  const over = new AbortController();
  stack.defer(() => over.abort());
  const remote = remoteAudios({
    decoders,
    timeoutMs: fetchTimeoutMs,
    maxSeconds,
    signal: over.signal,
  });
  return { decoders, remote, folder: resolve(root ?? dirname(path)) };
}

function factsOf(
  { count }: Manifest,
  columns: ColumnNames,
  { path, shuffle, limit }: Options,
) {
  const items = count === undefined ? limit : Math.min(count, limit ?? count);
  return { path, columns, shuffle, ...(items !== undefined && { items }) };
}

/** Names records as they name themselves, else by their line, so that no two have one name. */
function namer(path: string, columns: ColumnNames): (met: Met) => string {
  const used = new Set<string>();
  return (met) => {
    const own = columns.id === undefined ? undefined : idIn(met, columns);
    if (own === undefined) return `${basename(path)}:${met.line}`;
    const id = used.has(own) ? `${own}:${met.line}` : own;
    used.add(id);
    return id;
  };
}
