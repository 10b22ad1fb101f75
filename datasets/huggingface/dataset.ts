import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  type OpenContext,
  UsageError,
} from "../../plugins/mod.ts";
import { manifestDataset } from "../records.ts";
import { cacheFolder } from "./cache.ts";
import { CONVERTED, fileUrl, lookUp, type Repository } from "./hub.ts";
import type { HubErrorContext } from "./hub_error.ts";
import { hubFetch } from "./hub_fetch.ts";
import { openPart } from "./open_part.ts";
import { type HuggingfaceOptions, type Options, schema } from "./options.ts";
import { choose, type Parts, partsOf, usualConfigOf } from "./parts.ts";

export type { HuggingfaceOptions } from "./options.ts";

/**
 * A dataset of the Hugging Face hub: speech, prompts, chats or pictures. Parquet is read in place, piece by piece as
 * it is needed, and what was fetched is kept for the next run.
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
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, context.signal]);
  const hub = hubOf(options, context, signal);
  const kept = cacheFolder(options, context);
  const { repository, parts } = await find(hub);
  const part = choose(parts, {
    ...options,
    usual: usualConfigOf(repository.configs),
  });
  const { config, split } = part;
  const { commit } = repository;
  const { manifest, media, folder } = await openPart(part, {
    hub,
    commit,
    cacheFolder: kept,
    shuffle,
    limit,
    signal,
    warn: context.warn,
  });
  const opened = await manifestDataset(Promise.resolve(manifest), {
    ...options,
    columns: { ...media, ...options.columns },
    // A path in a record is one of the repository, and never one of this machine.
    root: fileUrl(hub, commit, folder).href,
  }, `${dataset}/${config}/${split}`);
  const { path: _, ...facts } = opened.facts ?? {};
  return {
    ...opened,
    facts: { dataset, config, split, revision: commit, ...facts },
    async [Symbol.asyncDispose]() {
      over.abort();
      await opened[Symbol.asyncDispose]?.();
    },
  };
}

function hubOf(
  { dataset, revision, tokenEnv, endpoint, fetchTimeoutMs }: Options,
  { env }: OpenContext,
  signal: AbortSignal,
): HubErrorContext {
  const token = env(tokenEnv ?? "HF_TOKEN")?.trim() || undefined;
  if (tokenEnv !== undefined && token === undefined) {
    throw new UsageError(
      `Cannot use 'tokenEnv' as the environment variable must be set: current value is ${tokenEnv}`,
    );
  }
  const address = endpointOf(endpoint, env("HF_ENDPOINT"));
  return {
    dataset,
    revision,
    endpoint: address,
    fetch: hubFetch({
      endpoint: address,
      token,
      timeoutMs: fetchTimeoutMs,
      signal,
    }),
    tokenEnv: tokenEnv ?? "HF_TOKEN",
    hasToken: token !== undefined,
    signal,
  };
}

function endpointOf(given: string | undefined, usual: string | undefined): URL {
  const text = given ?? (usual || "https://huggingface.co");
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(
    `Cannot use HF_ENDPOINT as it must be an http or https URL: current value is ${text}`,
  );
}

/** The dataset's own files; where these hold no records that can be read, what the hub has converted. */
async function find(
  hub: HubErrorContext,
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
    `Cannot open the dataset ${hub.dataset} as it must have Parquet, JSON Lines, JSON, CSV or TSV files, or be converted to Parquet by the hub: current value has ${
      names.slice(0, 20).join(", ") || "no files"
    }${names.length > 20 ? ", …" : ""}`,
  );
}
