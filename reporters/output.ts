import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../lib/system_code.ts";
import { messageOf, UsageError } from "../plugins/mod.ts";

/**
 * Checks before a run that a path can be written. An existing file stays unchanged.
 *
 * @throws {UsageError} If the path cannot be written.
 */
export async function checkWritable(path: string): Promise<void> {
  if (path === "-") return;
  try {
    await probe(path);
  } catch (error) {
    const cause = error instanceof Deno.errors.NotFound
      ? new Error("no such folder", { cause: error })
      : error;
    throw new UsageError(
      `path must be a writable file, but was '${path}' (${reasonOf(cause)})`,
      { cause },
    );
  }
}

async function probe(path: string): Promise<void> {
  const found = await statOf(path);
  if (found?.isDirectory) throw new Error("it is a folder");
  if (found?.isFifo) return; // Opening it would wait for its reader.
  const file = await Deno.open(path, { write: true, createNew: !found });
  file.close();
  if (!found) await Deno.remove(path);
}

/**
 * Writes a text to a file or, for `-`, to standard output.
 *
 * @throws {Error} If it cannot be written.
 */
export async function writeText(path: string, text: string): Promise<void> {
  if (path === "-") await writeStdout(text);
  else await writeFile(path, text);
}

/**
 * Writes a file at once: a reader of the path sees the old file or the new one, whole. A special file, or a file in a
 * folder that is not writable, is written in place.
 */
async function writeFile(path: string, text: string): Promise<void> {
  try {
    await retryOpen(async () => {
      const found = await statOf(path);
      if (found && !found.isFile) return await Deno.writeTextFile(path, text);
      const target = found ? await Deno.realPath(path) : path;
      await replaceFile(target, text, found?.mode ?? undefined);
    });
  } catch (cause) {
    throw new Error(`cannot write '${path}': ${messageOf(cause)}`, { cause });
  }
}

/** Maximum number of attempts to open a file while too many files are open. */
const ATTEMPTS = 50;
const PAUSE_MS = 100;

/**
 * Opens a file, with further attempts while the process has too many open files: connections that are closing soon free
 * some, and no result may be lost.
 */
export async function retryOpen<T>(
  open: () => Promise<T>,
  pauseMs = PAUSE_MS,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (attempt >= ATTEMPTS || !isOutOfFiles(error)) throw error;
      await pause(pauseMs);
    }
  }
}

function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}

async function replaceFile(
  path: string,
  text: string,
  mode: number | undefined,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}.tmp`);
  try {
    await writeSynced(temporary, text);
    if (mode !== undefined) await Deno.chmod(temporary, mode & 0o7777);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    if (!isDenied(error)) throw error;
    await Deno.writeTextFile(path, text);
  }
}

/** Writes a file to the disk. If it were renamed before, a crash could leave an empty file. */
async function writeSynced(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
  using file = await Deno.open(path, { write: true });
  await file.sync();
}

/** Writes every byte, in as many writes as necessary. */
export async function writeAll(
  file: Pick<Deno.FsFile, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await file.write(bytes.subarray(done));
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Writes a text to standard output. A reader that closes the pipe early, such as `head`, is not an error. */
async function writeStdout(text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) {
      const written = writeSome(rest);
      rest = rest.subarray(written);
      if (written === 0) await pause(2);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) return;
    throw new Error(`cannot write standard output: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/**
 * Writes as much as standard output accepts: a pipe that another process made non-blocking may be full. An asynchronous
 * write would fail there after a part of the bytes, and not say how many.
 */
function writeSome(bytes: Uint8Array): number {
  try {
    return Deno.stdout.writeSync(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.WouldBlock) return 0;
    throw error;
  }
}
