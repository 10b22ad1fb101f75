import { basename, dirname, join } from "node:path";
import { UsageError } from "../plugins/mod.ts";

/**
 * Refuses a path that nothing can be written to, before a run spends its time. What stands there
 * already is left as it is.
 *
 * @throws {UsageError} If the path cannot be written.
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    await probe(path);
  } catch (error) {
    const cause = error instanceof Deno.errors.NotFound
      ? new Error("no such folder", { cause: error })
      : error;
    throw new UsageError(
      `Cannot write a report as its path must be a writable file: current value is '${path}' (${
        cause instanceof Error ? cause.message : String(cause)
      })`,
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
 * Puts a text at a path all at once: whoever reads the path sees the old file or the new one,
 * whole. Where no file can be made beside it, or it is no ordinary file, it is written in place.
 *
 * @throws {Error} If it cannot be written.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await whenFilesAreFree(async () => {
      const found = await statOf(path);
      if (found && !found.isFile) return await Deno.writeTextFile(path, text);
      const target = found ? await Deno.realPath(path) : path;
      await replace(target, text, found?.mode ?? undefined);
    });
  } catch (cause) {
    throw new Error(
      `Cannot write the report to '${path}' as the system refused it`,
      { cause },
    );
  }
}

/** How often a file that cannot be opened is tried, where too many are open. */
const TRIES = 50;
const PAUSE_MS = 100;

/**
 * Opens a file, also where so many connections have just been used that the process may open no more: those that are
 * closing become free soon, and a result must not be lost meanwhile.
 */
export async function whenFilesAreFree<T>(
  open: () => Promise<T>,
  pauseMs = PAUSE_MS,
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await open();
    } catch (error) {
      if (tries >= TRIES || !isOutOfFiles(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}

async function replace(
  path: string,
  text: string,
  mode: number | undefined,
): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}.${Deno.pid}.tmp`);
  try {
    await writeSynced(beside, text);
    if (mode !== undefined) await Deno.chmod(beside, mode & 0o7777);
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    if (!isDenied(error)) throw error;
    await Deno.writeTextFile(path, text);
  }
}

/** On the disk before it is renamed: else a crash may leave the name with nothing behind it. */
async function writeSynced(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, {
    write: true,
    create: true,
    truncate: true,
  });
  await writeAll(file, new TextEncoder().encode(text));
  await file.sync();
}

/** Writes every byte, in as many writes as it takes. */
export async function writeAll(
  file: { write(bytes: Uint8Array): Promise<number> },
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
