import { dirname, join, posix, relative } from "node:path";
import {
  messageOf,
  type OpenContext,
  temporaryFolder,
  UsageError,
} from "../../plugins/mod.ts";
import {
  openParquet,
  type ParquetFile,
  parquetManifest,
} from "../formats/parquet.ts";
import { fileUrl, hubError, type HubFile } from "./hub.ts";
import type { Hub } from "./hub_fetch.ts";
import { readAhead } from "../../lib/concurrency.ts";
import { fieldOf, tryJson } from "../../lib/json.ts";
import { isRecord } from "../../lib/record.ts";
import type { ColumnOptions } from "../columns/names.ts";
import { openBytes, type RandomBytes } from "../formats/file_bytes.ts";
import type { Manifest } from "../formats/manifest.ts";
import { formatOf, openRecords } from "../formats/open.ts";
import { openRowsThread } from "../formats/parquet_decode.ts";
import type { Part } from "./parts.ts";

/** A file is downloaded in parts of this size. */
const PART_BYTES = 2 ** 24;

/** A file on a hub. */
export function remoteBytes(
  hub: Pick<Hub, "fetch">,
  url: URL,
  size: number,
): RandomBytes {
  return {
    size,
    async read(start, end, signal) {
      if (end <= start) return new Uint8Array();
      const response = await hub.fetch(url, {
        headers: { range: `bytes=${start}-${end - 1}` },
        signal: signal ?? null,
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const part = response.status === 206 ? bytes : bytes.slice(start, end);
      if (part.length === end - start) return part;
      throw new Error(
        `cannot fetch ${url.origin}${url.pathname}: bytes ${start} to ${end} of ${size} must arrive, but ${part.length} did with status ${response.status}`,
      );
    },
  };
}

/**
 * The folder of the Hugging Face cache, or `undefined` if downloads are not kept.
 *
 * @throws {UsageError} If no environment variable gives it.
 */
export function cacheFolder(
  { cache, cacheDir }: { cache: boolean; cacheDir?: string | undefined },
  { env }: Pick<OpenContext, "env">,
): string | undefined {
  if (!cache) return undefined;
  const folder = cacheDir ?? env("HF_HUB_CACHE");
  if (folder) return folder;
  const home = env("HOME") || env("USERPROFILE");
  const caches = env("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  const base = env("HF_HOME") || (caches && join(caches, "huggingface"));
  if (base) return join(base, "hub");
  throw new UsageError(
    "cacheDir: must be given if neither HF_HOME nor HOME is set, or set 'cache' to false",
  );
}

/**
 * Downloads a file into the Hugging Face cache unless it is there, and returns its path. The layout is that of Python's
 * `huggingface_hub`: `blobs/` holds each content once, and `snapshots/COMMIT/` links to it. The function of
 * `@huggingface/hub` is not used because it prints to stdout and lets two runs write to the same file.
 *
 * @param onDownload Called before a download.
 * @throws {UsageError} If the folder cannot be written.
 */
export async function cachedFile(
  folder: string,
  hub: Hub,
  commit: string,
  file: HubFile,
  onDownload?: () => void,
): Promise<string> {
  const repository = join(folder, safeName(`datasets/${hub.dataset}`));
  const blob = join(repository, "blobs", safeName(file.contentId));
  const snapshot = join(repository, "snapshots", safeName(commit));
  const link = join(snapshot, ...safePath(file.path));
  if (await hasSize(link, file.size)) return link;
  if (!await hasSize(blob, file.size)) {
    await makeFolder(dirname(blob));
    onDownload?.();
    await downloadFile(hub, commit, file, blob);
  }
  await makeFolder(dirname(link));
  await Deno.remove(link).catch(() => {});
  // Where links are not allowed, as on some Windows systems, the blob is used.
  await Deno.symlink(relative(dirname(link), blob), link).catch(() => {});
  return blob;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (cause) {
    throw new UsageError(
      `cacheDir: must be a folder that can be written, or set 'cache' to false; cannot create ${path}: ${
        messageOf(cause)
      }`,
      { cause },
    );
  }
}

function hasSize(path: string, bytes: number): Promise<boolean> {
  return Deno.stat(path).then(({ size }) => size === bytes, () => false);
}

/** Downloads a file. An interruption leaves no incomplete file at the path. */
async function downloadFile(
  hub: Hub,
  commit: string,
  file: HubFile,
  path: string,
): Promise<void> {
  const { size } = file;
  const bytes = remoteBytes(hub, fileUrl(hub, commit, file.path), size);
  const incomplete = `${path}.${crypto.randomUUID()}.incomplete`;
  try {
    using to = await Deno.open(incomplete, { write: true, createNew: true });
    for (let at = 0; at < size; at += PART_BYTES) {
      const end = Math.min(size, at + PART_BYTES);
      let part = await bytes.read(at, end);
      while (part.length > 0) part = part.subarray(await to.write(part));
    }
    await Deno.rename(incomplete, path);
  } catch (error) {
    await Deno.remove(incomplete).catch(() => {});
    throw error;
  }
}

/** A file name without characters that could lead to another folder. */
function safeName(text: string): string {
  return text.replace(/[^\w.-]/g, "--").replace(/^\.+/, "-");
}

/** The parts of a path in a repository, which must not lead out of it. */
function safePath(path: string): readonly string[] {
  const parts = path.split("/");
  const isUnsafe = parts.some((part) => /^\.{0,2}$|[\\:\0]/.test(part));
  if (!isUnsafe) return parts;
  throw new Error(`the path of a file must not leave its repository: ${path}`);
}

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

/** The columns with media. */
type MediaColumns = Pick<ColumnOptions, "audio" | "images">;

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
    throw await hubError(error, options.hub, options.hub.dataset);
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
    return openParquet(name, bytes, reader);
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
    manifest: await parquetManifest([first!, ...others]),
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
      `split: must be one file unless it is Parquet, but ${config}/${split} of ${hub.dataset} has ${
        files.map(({ path }) => path).join(", ")
      }`,
    );
  }
  const format = formatOf(file.path);
  const cache = cacheFolder ??
    stack.use(await temporaryFolder("huggingface")).path;
  const path = await cachedFile(cache, hub, commit, file);
  const folder = posix.dirname(file.path).replace(/^\.$/, "");
  const manifest = await openRecords(path, format, { shuffle });
  return { manifest, media: {}, folder };
}

/** The columns with audio and images, by the features that the `datasets` library stores in a file. */
export function mediaColumns(file: Pick<ParquetFile, "note">): MediaColumns {
  const features = Object.entries(featuresIn(file.note("huggingface")));
  // If several columns have the same type, the usual name is preferred.
  const find = (type: string, usual: RegExp) => {
    const names = features.filter(([, each]) => typesIn(each).includes(type))
      .map(([name]) => name);
    return names.find((name) => usual.test(name)) ?? names[0];
  };
  const audio = find("Audio", /^audio$/i);
  const images = find("Image", /^images?$/i);
  return { ...(audio && { audio }), ...(images && { images }) };
}

/** The features in a note; none if it is missing or damaged: columns are then found by their names. */
function featuresIn(note = ""): Record<string, unknown> {
  const features = fieldOf(fieldOf(tryJson(note), "info"), "features");
  return isRecord(features) ? features : {};
}

/** The type of a feature, and that of its items if it is a list. */
function typesIn(feature: unknown): string[] {
  const item = Array.isArray(feature) ? feature[0] : feature;
  if (!isRecord(item)) return [];
  const { _type, feature: inner } = item;
  return [String(_type), ...(inner === undefined ? [] : typesIn(inner))];
}
