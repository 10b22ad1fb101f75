import { join, posix } from "node:path";
import { readAhead } from "../../lib/concurrency.ts";
import { isRecord } from "../../lib/record.ts";
import { temporaryFolder, UsageError } from "../../plugins/mod.ts";
import { openBytes } from "../formats/file_bytes.ts";
import type { Manifest } from "../formats/manifest.ts";
import { formatOf, openRecords } from "../formats/open.ts";
import {
  openParquet,
  type ParquetFile,
  parquetManifest,
  type RandomBytes,
} from "../formats/parquet.ts";
import { openRowsThread } from "../formats/parquet_reader.ts";
import { cachedFile, downloadFile, remoteBytes } from "./files.ts";
import { fileUrl, type HubFile } from "./hub.ts";
import { fileError } from "./hub_error.ts";
import type { Hub } from "./hub_fetch.ts";
import type { Part } from "./parts.ts";

/** Options of {@linkcode openPart}. */
export interface PartOptions {
  readonly hub: Hub;
  readonly commit: string;
  /** The folder of the Hugging Face cache, or `undefined` if nothing is kept. */
  readonly cacheFolder: string | undefined;
  readonly shuffle: boolean;
  readonly limit: number | undefined;
  warn(message: string): void;
}

/** A split that is open. */
export interface OpenedPart {
  readonly manifest: Manifest;
  /** The columns with media, by the files' own metadata. */
  readonly media: MediaColumns;
  /** The folder of the repository that paths in records are relative to. */
  readonly folder: string;
}

/** Number of files that are opened at a time. */
const AHEAD = 8;
/** Splits above this size are read in place: a download would take long and fill the disk. */
const MAX_CACHED_BYTES = 2 ** 31;
/** Downloads above this size are announced. */
const ANNOUNCED_BYTES = 2 ** 28;

/**
 * Opens the files of a split as one manifest.
 *
 * @throws {UsageError} If they cannot be fetched or read.
 */
export async function openPart(
  part: Part,
  options: PartOptions,
): Promise<OpenedPart> {
  const parquet = part.files.filter(({ path }) => /\.parquet$/i.test(path));
  await using stack = new AsyncDisposableStack();
  try {
    const { manifest, ...opened } = parquet.length > 0
      ? await openParquetFiles(parquet, options, stack)
      : await openTextFile(part, options, stack);
    stack.use(manifest);
    const held = stack.move();
    const close = () => held.disposeAsync();
    return {
      ...opened,
      manifest: { ...manifest, [Symbol.asyncDispose]: close },
    };
  } catch (error) {
    throw await fileError(error, options.hub);
  }
}

async function openParquetFiles(
  files: readonly HubFile[],
  options: PartOptions,
  stack: AsyncDisposableStack,
): Promise<OpenedPart> {
  const { hub, shuffle, limit = Infinity } = options;
  const { signal } = hub;
  const needsAll = shuffle || limit === Infinity;
  const cacheFolder = folderFor(needsAll ? files : files.slice(0, 1), options);
  const reader = stack.use(openRowsThread());
  const opened: ParquetFile[] = [];
  let rows = 0;
  const footers = readAhead(files, async (file) => {
    const name = `${hub.dataset}/${file.path}`;
    const bytes = await openFile(file, { ...options, cacheFolder });
    return openParquet(name, bytes, { reader, signal });
    // In their own order, only as many files are opened as are needed.
  }, { ahead: needsAll ? AHEAD : 1, signal });
  for await (const file of footers) {
    opened.push(file);
    rows += file.count;
    if (!shuffle && rows >= limit) break;
  }
  signal.throwIfAborted();
  const [first, ...others] = opened;
  return {
    manifest: await parquetManifest([first!, ...others], signal),
    media: mediaColumns(first!),
    folder: "",
  };
}

/** The folder of the cache, unless the files are too large for it. */
function folderFor(
  files: readonly HubFile[],
  { hub, cacheFolder, warn }: PartOptions,
): string | undefined {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (cacheFolder === undefined || bytes <= MAX_CACHED_BYTES) {
    return cacheFolder;
  }
  warn(
    `${hub.dataset}: the split is read in place and not kept, as its ${
      gigabytes(bytes)
    } are too large for the cache`,
  );
  return undefined;
}

async function openFile(
  file: HubFile,
  { hub, commit, cacheFolder, warn }: PartOptions,
): Promise<RandomBytes> {
  if (cacheFolder === undefined) {
    return remoteBytes(hub, fileUrl(hub, commit, file.path), file.size);
  }
  const announce = () => {
    if (file.size <= ANNOUNCED_BYTES) return;
    warn(
      `downloading ${hub.dataset}/${file.path} (${
        gigabytes(file.size)
      }) into ${cacheFolder}; cache=false reads only what is needed`,
    );
  };
  const path = await cachedFile(cacheFolder, hub, commit, file, announce);
  return {
    size: file.size,
    // Opened for each read: a split may have more files than the process may open.
    async read(start, end) {
      const bytes = await openBytes(path);
      return await bytes.read(start, end).finally(() => bytes.close());
    },
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Opens a file of another format, which must be on this machine. */
async function openTextFile(
  { config, split, files }: Part,
  { hub, commit, cacheFolder, shuffle }: PartOptions,
  stack: AsyncDisposableStack,
): Promise<OpenedPart> {
  const [file, another] = files;
  if (file === undefined || another !== undefined) {
    throw new UsageError(
      `split: one that is not Parquet must be one file, but ${config}/${split} of ${hub.dataset} has ${
        files.map(({ path }) => path).join(", ")
      }`,
    );
  }
  const format = formatOf(file.path);
  let path: string;
  if (cacheFolder === undefined) {
    const temporary = stack.use(await temporaryFolder("huggingface"));
    path = join(temporary.path, `records.${format}`);
    await downloadFile(hub, commit, file, path);
  } else path = await cachedFile(cacheFolder, hub, commit, file);
  const folder = posix.dirname(file.path).replace(/^\.$/, "");
  const manifest = await openRecords(path, format, { shuffle });
  return { manifest, media: {}, folder };
}

/** The columns with media. */
export interface MediaColumns {
  readonly audio?: string;
  readonly images?: string;
}

/** Names that are preferred if several columns have the same type. */
const USUAL: Readonly<Record<keyof MediaColumns, RegExp>> = {
  audio: /^audio$/i,
  images: /^images?$/i,
};

/** The columns with audio and images, by the features that the `datasets` library stores in a file. */
export function mediaColumns(file: Pick<ParquetFile, "note">): MediaColumns {
  const features = featuresIn(file.note("huggingface"));
  const named = (role: keyof MediaColumns, type: string) => {
    const names = Object.keys(features)
      .filter((name) => typesIn(features[name]).includes(type));
    const name = names.find((each) => USUAL[role].test(each)) ?? names[0];
    return name === undefined ? {} : { [role]: name };
  };
  return { ...named("audio", "Audio"), ...named("images", "Image") };
}

function featuresIn(note: string | undefined): Record<string, unknown> {
  try {
    const { info } = JSON.parse(note ?? "{}");
    return isRecord(info?.features) ? info.features : {};
  } catch {
    // Columns are then found by their names.
    return {};
  }
}

/** The type of a feature, and that of its items if it is a list. */
function typesIn(feature: unknown): string[] {
  const item = Array.isArray(feature) ? feature[0] : feature;
  if (!isRecord(item)) return [];
  const { _type, feature: inner } = item;
  return [String(_type), ...(inner === undefined ? [] : typesIn(inner))];
}
