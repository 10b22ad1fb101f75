import { z } from "zod";
import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  type OpenContext,
  UsageError,
} from "../../plugins/mod.ts";
import { quotedNames } from "../../lib/text.ts";
import type { ColumnOptions } from "../columns/names.ts";
import type { TimeUnit } from "../columns/times.ts";
import { type SpeechOptions, speechShape } from "../speech.ts";
import { columnsShape, manifestDataset, manifestShape } from "../records.ts";
import { cacheFolder, openPart } from "./files.ts";
import { CONVERTED, fileUrl, lookUp, type Repository } from "./hub.ts";
import { type Hub, hubFetch } from "./hub_fetch.ts";
import { choose, type Parts, partsOf, usualConfigOf } from "./parts.ts";

/** Options of {@linkcode huggingface}. */
export interface HuggingfaceOptions extends SpeechOptions {
  /** Name of the dataset on the hub, as `openslr/librispeech_asr`. */
  dataset: string;
  /** Configuration. @default {the card's, else `default`, else the only one} */
  config?: string;
  /** Split. @default {`test`, else the first} */
  split?: string;
  /** Branch, tag or commit. @default {"main"} */
  revision?: string;
  /** Environment variable with an access token. @default {`HF_TOKEN`, if it is set} */
  tokenEnv?: string;
  /** The columns of each role. @default {found by their names} */
  columns?: ColumnOptions;
  /** How chats are sent: `last` as one request, `all` as a session of turns. @default {"last"} */
  turns?: "last" | "all";
  /** Unit of the numbers in the column of `columns.timestamp`. @default {"s"} */
  timeUnit?: TimeUnit;
  /**
   * Whether files are downloaded into the Hugging Face cache. If not, Parquet is read in place: only the row groups and
   * columns that are needed.
   *
   * @default {true}
   */
  cache?: boolean;
  /** Folder of the cache. @default {`$HF_HUB_CACHE`, else `$HF_HOME/hub`, else `~/.cache/huggingface/hub`} */
  cacheDir?: string;
  /** Address of the hub. @default {`$HF_ENDPOINT`, else `https://huggingface.co`} */
  endpoint?: string;
  /** Timeout without any data from the hub, in milliseconds. @default {30000} */
  fetchTimeoutMs?: number;
}

const schema = z.strictObject({
  dataset: z.string().regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/, {
    error: "must be the name of a dataset on the hub, as owner/name",
  }).describe("Name of the dataset on the hub, as openslr/librispeech_asr"),
  config: z.string().min(1).optional().describe(
    "Configuration (default: the card's, else default, else the only one)",
  ),
  split: z.string().min(1).optional().describe(
    "Split (default: test, else the first)",
  ),
  revision: z.string().min(1).optional().describe(
    "Branch, tag or commit (default: main)",
  ),
  tokenEnv: z.string().min(1).optional().describe(
    "Environment variable with an access token (default: HF_TOKEN, if it is set)",
  ),
  columns: columnsShape,
  turns: manifestShape.turns,
  timeUnit: manifestShape.timeUnit,
  cache: z.boolean().default(true).describe(
    "Download files into the Hugging Face cache; false: read Parquet in place",
  ),
  cacheDir: z.string().min(1).meta({ format: "path" }).optional().describe(
    "Folder of the cache (default: $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub)",
  ),
  endpoint: z.url({ protocol: /^https?$/ }).optional().describe(
    "Address of the hub (default: $HF_ENDPOINT, else https://huggingface.co)",
  ),
  fetchTimeoutMs: z.number().positive().default(30_000).describe(
    "Timeout without any data from the hub, in milliseconds",
  ),
  ...speechShape,
});

type Options = z.output<typeof schema>;

/**
 * A dataset of the Hugging Face hub: speech, prompts, chats or images.
 *
 * @example Usage
 * ```ts
 * import { huggingface } from "@earshot/earshot";
 *
 * const dataset = huggingface({
 *   dataset: "openslr/librispeech_asr",
 *   config: "clean",
 *   limit: 100,
 * });
 * ```
 */
export const huggingface: DatasetPlugin<HuggingfaceOptions> = defineDataset({
  name: "huggingface",
  summary: "Speech, prompts, chats or pictures of the Hugging Face hub",
  primary: "dataset",
  options: schema,
  open,
});

async function open(options: Options, context: OpenContext): Promise<Dataset> {
  const { dataset, shuffle, limit } = options;
  const closed = new AbortController();
  const signal = AbortSignal.any([closed.signal, context.signal]);
  const hub = hubOf(options, context, signal);
  const folderOfCache = cacheFolder(options, context);
  const { repository, parts } = await find(hub);
  const usual = usualConfigOf(repository.configs);
  const part = choose(parts, { ...options, usual });
  const { config, split } = part;
  const { commit } = repository;
  const { manifest, media, folder } = await openPart(part, {
    hub,
    commit,
    cacheFolder: folderOfCache,
    shuffle,
    limit,
    warn: context.warn,
  });
  const opened = await manifestDataset(Promise.resolve(manifest), {
    ...options,
    columns: { ...media, ...options.columns },
    // A path in a record is in the repository, and never on this machine.
    root: fileUrl(hub, commit, folder).href,
  }, `${dataset}/${config}/${split}`);
  const { path: _, ...facts } = opened.facts ?? {};
  return {
    ...opened,
    facts: { dataset, config, split, revision: commit, ...facts },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await opened[Symbol.asyncDispose]?.();
    },
  };
}

function hubOf(
  { dataset, revision, tokenEnv, endpoint, fetchTimeoutMs }: Options,
  { env }: OpenContext,
  signal: AbortSignal,
): Hub {
  const token = env(tokenEnv ?? "HF_TOKEN")?.trim() || undefined;
  if (tokenEnv !== undefined && token === undefined) {
    throw new UsageError(
      `tokenEnv: the environment variable ${tokenEnv} must be set`,
    );
  }
  const options = {
    endpoint: endpointOf(endpoint, env("HF_ENDPOINT")),
    token,
    timeoutMs: fetchTimeoutMs,
    signal,
  };
  return {
    ...options,
    dataset,
    revision,
    fetch: hubFetch(options),
    tokenEnv: tokenEnv ?? "HF_TOKEN",
  };
}

function endpointOf(given: string | undefined, usual: string | undefined): URL {
  const text = given ?? (usual || "https://huggingface.co");
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(
    `HF_ENDPOINT: must be an http or https URL, but was ${text}`,
  );
}

/** Finds the dataset's own files or, if they have no records that can be read, the hub's conversion. */
async function find(
  hub: Hub,
): Promise<{ repository: Repository; parts: Parts }> {
  const own = await lookUp(hub);
  const parts = partsOf(own.files, own.configs);
  if (parts.size > 0) return { repository: own, parts };
  if (hub.revision === undefined) {
    const converted = await lookUp(hub, CONVERTED).catch(() => undefined);
    if (converted) {
      const parts = partsOf(converted.files, undefined);
      if (parts.size > 0) return { repository: converted, parts };
    }
  }
  const names = own.files.map(({ path }) => path);
  throw new UsageError(
    `dataset: ${hub.dataset} must have Parquet, JSON Lines, JSON, CSV or TSV files, or be converted to Parquet by the hub, but has ${
      quotedNames(names) || "no files"
    }`,
  );
}
