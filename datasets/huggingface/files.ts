import { dirname, join, relative } from "node:path";
import { messageOf, type OpenContext, UsageError } from "../../plugins/mod.ts";
import type { RandomBytes } from "../formats/parquet.ts";
import { fileUrl, type HubFile } from "./hub.ts";
import type { Hub } from "./hub_fetch.ts";

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
      const range = { range: `bytes=${start}-${end - 1}` };
      const request = signal ? { headers: range, signal } : { headers: range };
      const response = await hub.fetch(url, request);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const part = response.status === 206 ? bytes : bytes.subarray(start, end);
      if (part.length === end - start) return part;
      throw new Error(
        `cannot fetch ${url.origin}${url.pathname}: bytes ${start} to ${end} of ${size} must arrive, but ${part.length} did with status ${response.status}`,
      );
    },
  };
}

/** Options of {@linkcode cacheFolder}. */
export interface CacheOptions {
  readonly cache: boolean;
  readonly cacheDir?: string | undefined;
}

/**
 * The folder of the Hugging Face cache, or `undefined` if downloads are not kept.
 *
 * @throws {UsageError} If no environment variable gives it.
 */
export function cacheFolder(
  { cache, cacheDir }: CacheOptions,
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

async function hasSize(path: string, bytes: number): Promise<boolean> {
  try {
    return (await Deno.stat(path)).size === bytes;
  } catch {
    return false;
  }
}

/** Downloads a file. An interruption leaves no incomplete file at the path. */
export async function downloadFile(
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
      let part = await bytes.read(at, end, hub.signal);
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
