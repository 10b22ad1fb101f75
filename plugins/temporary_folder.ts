import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private folder that is removed when it is disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Where it is. */
  readonly path: string;
}

const PREFIX = "earshot-tmp-";
/** A file in it that is locked for as long as its process lives: the system lets go of it however that ends. */
const LOCK = "lock";

/** Entries of the system's temporary folder that are looked at. */
const MAX_LOOKED_AT = 20_000;
/** Folders that are removed at a time. */
const MAX_REMOVED = 100;
/** Folders that are made for one that can be locked. */
const MAX_TRIES = 10;

/**
 * Makes a folder in the system's temporary one that only this user can read. If the process is killed before it is
 * disposed of, the next run removes it.
 *
 * @param name What it is for, as a part of its name.
 */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const path = await Deno.makeTempDir({
      dir: tmpdir(),
      prefix: `${PREFIX}${name}-`,
    });
    await Deno.chmod(path, 0o700).catch(() => {}); // there are no modes on Windows
    const lock = await lockOf(path);
    if (!lock) continue;
    return {
      path,
      async [Symbol.asyncDispose]() {
        lock.close();
        // Another run may have taken it for an abandoned one by now.
        await remove(path).catch(unlessMissing);
      },
    };
  }
  throw new Error(
    `Cannot make a temporary folder in ${tmpdir()}: ${MAX_TRIES} could not be locked`,
  );
}

/** Locks a new folder; `undefined` if another run took it for an abandoned one in between. */
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
 * Removes the folders of runs that were killed: those of this user whose lock nobody holds. Never fails and never asks
 * for a permission, as a run does not need it.
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
    // One without the file is being made.
    using lock = await Deno.open(join(path, LOCK), { write: true });
    if (!await lock.tryLock(true)) return false;
    await remove(path);
    return true;
  } catch {
    return false; // another run was first, or it cannot be removed
  }
}

/** Removes a folder, and the lock last: what is left if this is interrupted is found again. */
async function remove(path: string): Promise<void> {
  for await (const { name } of Deno.readDir(path)) {
    if (name !== LOCK) await Deno.remove(join(path, name), { recursive: true });
  }
  await Deno.remove(path, { recursive: true });
}

/** Deno would ask the person at the terminal for any other. */
function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
