import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private folder that is removed on disposal. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Path of the folder. */
  readonly path: string;
}

const PREFIX = "earshot-tmp-";
/** File in the folder that the process keeps locked. The system releases the lock however the process ends. */
const LOCK = "lock";

/** Maximum number of entries of the system's temporary folder that are examined. */
const MAX_LOOKED_AT = 20_000;
/** Maximum number of folders that are removed in one run. */
const MAX_REMOVED = 100;
/** Maximum number of attempts to create a folder that can be locked. */
const MAX_TRIES = 10;

/**
 * Creates a folder in the system's temporary folder that only this user can read. If the process is killed before it
 * disposes of the folder, the next run removes it.
 *
 * @param name Part of the folder's name that says what it is for.
 */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const path = await Deno.makeTempDir({
      dir: tmpdir(),
      prefix: `${PREFIX}${name}-`,
    });
    await Deno.chmod(path, 0o700).catch(() => {}); // Windows has no modes
    const lock = await lockOf(path);
    if (!lock) continue;
    return {
      path,
      async [Symbol.asyncDispose]() {
        lock.close();
        // Another run may have removed it as abandoned.
        await remove(path).catch(unlessMissing);
      },
    };
  }
  throw new Error(
    `cannot create a temporary folder in ${tmpdir()}: ${MAX_TRIES} folders could not be locked`,
  );
}

/** Locks a new folder; returns undefined if another run removed it as abandoned in the meantime. */
async function lockOf(path: string): Promise<Deno.FsFile | undefined> {
  const place = join(path, LOCK);
  const lock = await Deno.open(place, { write: true, create: true })
    .catch(unlessMissing);
  if (!lock) return undefined;
  const isOurs = await lock.tryLock(true) &&
    await Deno.stat(place).catch(unlessMissing) !== undefined;
  if (isOurs) return lock;
  lock.close();
}

/**
 * Removes the folders of runs that were killed: those of this user that no process has locked. Never fails and never
 * asks for a permission, because a run does not depend on it.
 */
export async function removeAbandonedFolders(given?: string): Promise<void> {
  try {
    if (given === undefined && !isGranted({ name: "env" })) return;
    const folder = given ?? tmpdir();
    const needs = [
      { name: "read", path: folder },
      { name: "write", path: folder },
      { name: "sys", kind: "uid" },
    ] as const;
    if (!needs.every(isGranted)) return;
    let lookedAt = 0;
    let removed = 0;
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (++lookedAt > MAX_LOOKED_AT || removed >= MAX_REMOVED) return;
      if (!isDirectory || !name.startsWith(PREFIX)) continue;
      if (await removeAbandoned(join(folder, name))) removed++;
    }
  } catch {
    // The temporary folder cannot be read.
  }
}

async function removeAbandoned(path: string): Promise<boolean> {
  try {
    const { uid } = await Deno.lstat(path);
    if (uid !== Deno.uid()) return false;
    // A folder without a lock file is still being created.
    using lock = await Deno.open(join(path, LOCK), { write: true });
    if (!await lock.tryLock(true)) return false;
    await remove(path);
    return true;
  } catch {
    return false; // another run removed it first, or it cannot be removed
  }
}

/** Removes a folder, its lock last: if this is interrupted, a later run finds the rest. */
async function remove(path: string): Promise<void> {
  for await (const { name } of Deno.readDir(path)) {
    if (name !== LOCK) await Deno.remove(join(path, name), { recursive: true });
  }
  await Deno.remove(path, { recursive: true });
}

/** Reports whether a permission is granted already; Deno would ask the user for any other. */
function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
