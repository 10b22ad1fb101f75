import { join, posix } from "node:path";
import { temporaryFolder, UsageError } from "../../plugins/mod.ts";
import type { Manifest } from "../formats/manifest.ts";
import { openParquet, type ParquetFile } from "../formats/parquet.ts";
import { parquetManifest } from "../formats/parquet.ts";
import { openRowsThread } from "../formats/parquet_reader.ts";
import { readAhead } from "../../lib/read_ahead.ts";
import { formatOf, openRecords } from "../formats/open.ts";
import { openRangeCache, safeName } from "./cache.ts";
import { type MediaColumns, mediaColumns } from "./features.ts";
import { fileUrl, type HubFile } from "./hub.ts";
import { fileError, type HubErrorContext } from "./hub_error.ts";
import type { Part } from "./parts.ts";
import { remoteBytes } from "./remote_bytes.ts";

/** How a split is opened. */
export interface PartOptions {
  readonly hub: HubErrorContext;
  readonly commit: string;
  /** Where downloads are kept; nowhere, if they are not. */
  readonly cacheFolder: string | undefined;
  readonly shuffle: boolean;
  readonly limit: number | undefined;
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** A split that was opened. */
export interface OpenedPart {
  readonly manifest: Manifest;
  /** What its files say of their columns. */
  readonly media: MediaColumns;
  /** Which folder of the repository paths in records are relative to. */
  readonly folder: string;
}

/** Footers that are fetched at a time. */
const AHEAD = 8;
/** A file that has to be had whole is fetched in pieces of this size. */
const PIECE_BYTES = 2 ** 23;

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
  try {
    return parquet.length > 0
      ? await ofParquet(parquet, options)
      : await ofRecords(part, options);
  } catch (error) {
    throw await fileError(error, options.hub);
  }
}

async function ofParquet(
  files: readonly HubFile[],
  options: PartOptions,
): Promise<OpenedPart> {
  const { shuffle, limit = Infinity, signal } = options;
  using stack = new DisposableStack();
  const reader = stack.use(openRowsThread());
  const found: ParquetFile[] = [];
  let rows = 0;
  const footers = readAhead(files, async (file) => {
    const { dataset } = options.hub;
    const bytes = await bytesOf(file, options);
    const name = `${dataset}/${file.path}`;
    return openParquet(name, bytes, { reader, signal });
    // In their own order no more files are looked at than are needed.
  }, { ahead: shuffle || limit === Infinity ? AHEAD : 1, signal });
  for await (const file of footers) {
    found.push(file);
    rows += file.count;
    if (!shuffle && rows >= limit) break;
  }
  signal.throwIfAborted();
  const opened = found as [ParquetFile, ...ParquetFile[]];
  const manifest = await parquetManifest(opened, signal);
  const threads = stack.move();
  return {
    manifest: {
      ...manifest,
      [Symbol.asyncDispose]: () => Promise.resolve(threads.dispose()),
    },
    media: mediaColumns(opened[0]),
    folder: "",
  };
}

/** A file of records that is not Parquet has to be had whole. */
async function ofRecords(
  { config, split, files }: Part,
  options: PartOptions,
): Promise<OpenedPart> {
  const [file, another] = files;
  if (file === undefined || another !== undefined) {
    throw new UsageError(
      `Cannot open the dataset ${options.hub.dataset} as a split that is not Parquet must be one file: current value of ${config}/${split} is ${
        files.map(({ path }) => path).join(", ")
      }`,
    );
  }
  const format = formatOf(file.path);
  const temporary = options.cacheFolder === undefined
    ? await temporaryFolder("huggingface")
    : undefined;
  const remove = async () => await temporary?.[Symbol.asyncDispose]();
  try {
    const folder = temporary?.path ?? folderOf(file, options);
    const path = join(folder, `whole-${safeName(file.path)}`);
    const isThere = await Deno.stat(path).then(
      ({ size }) => size === file.size,
      () => false,
    );
    if (!isThere) await fetchWhole(file, path, options);
    const { shuffle } = options;
    const manifest = await openRecords(path, format, { shuffle });
    return {
      manifest: {
        ...manifest,
        async [Symbol.asyncDispose]() {
          await manifest[Symbol.asyncDispose]();
          await remove();
        },
      },
      media: {},
      folder: posix.dirname(file.path).replace(/^\.$/, ""),
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function fetchWhole(
  file: HubFile,
  path: string,
  options: PartOptions,
): Promise<void> {
  const bytes = await bytesOf(file, options, "unkept");
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    using to = await Deno.open(part, { write: true, createNew: true });
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const end = Math.min(file.size, at + PIECE_BYTES);
      await writeAll(to, await bytes.read(at, end, options.signal));
    }
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}

async function writeAll(to: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function bytesOf(file: HubFile, options: PartOptions, use?: "unkept") {
  const { hub, commit, cacheFolder, warn } = options;
  const cache = cacheFolder === undefined
    ? undefined
    : await openRangeCache(folderOf(file, options));
  return remoteBytes(fileUrl(hub, commit, file.path), {
    size: file.size,
    fetch: hub.fetch,
    cache: use === "unkept" ? undefined : cache,
    onKeepError: (error) =>
      warn(
        `What is downloaded cannot be kept in ${cacheFolder}: ${String(error)}`,
      ),
  });
}

/** One folder for each content: another commit with the same file finds it there. */
function folderOf(file: HubFile, { hub, cacheFolder }: PartOptions): string {
  const { dataset } = hub;
  return join(
    cacheFolder ?? "",
    safeName(dataset),
    safeName(file.contentId),
  );
}
