import { join } from "node:path";
import { UsageError } from "../plugins/mod.ts";

/** A folder on the way. */
export interface WalkedFolder {
  /** Where it is. */
  readonly path: string;
  /** Its path below the root with a `/` at its end; empty for the root. */
  readonly prefix: string;
  /** The files in it that are not hidden, in order. */
  readonly names: readonly string[];
}

interface Folder {
  readonly path: string;
  readonly prefix: string;
  /** Its path with every link followed: tells a folder from all others. */
  readonly real: string;
  /** 1 for the root. */
  readonly level: number;
}

/**
 * Goes through a folder and those below it, each once, however links lead. Only links are looked
 * into: thousands of files cost one system call a folder.
 *
 * @param levels How deep to go; 1 is the folder itself.
 * @throws {UsageError} If a folder cannot be read.
 */
export async function* walk(
  root: string,
  levels = Infinity,
): AsyncGenerator<WalkedFolder> {
  const real = await Deno.realPath(root);
  const seen = new Set([real]);
  const folders: Folder[] = [{ path: root, prefix: "", real, level: 1 }];
  for (let folder = folders.shift(); folder; folder = folders.shift()) {
    const { names, below } = await look(folder);
    yield { path: folder.path, prefix: folder.prefix, names };
    for (const next of below) {
      if (seen.has(next.real) || next.level > levels) continue;
      seen.add(next.real);
      folders.push(next);
    }
  }
}

/** The files of a folder that are not hidden, in order. */
export async function namesIn(path: string): Promise<string[]> {
  return (await entriesOf(path)).flatMap((entry) =>
    entry.isFile || entry.isSymlink ? [entry.name] : []
  );
}

async function look(
  folder: Folder,
): Promise<{ names: string[]; below: Folder[] }> {
  const names: string[] = [];
  const below: Folder[] = [];
  for (const entry of await entriesOf(folder.path)) {
    if (entry.isFile) names.push(entry.name);
    else if (entry.isDirectory) {
      below.push(inside(folder, entry.name, join(folder.real, entry.name)));
    } else if (entry.isSymlink) {
      const target = await follow(join(folder.path, entry.name));
      if (target?.isFile) names.push(entry.name);
      if (target?.isDirectory) {
        below.push(inside(folder, entry.name, target.real));
      }
    }
  }
  return { names, below };
}

function inside(folder: Folder, name: string, real: string): Folder {
  return {
    path: join(folder.path, name),
    prefix: `${folder.prefix}${name}/`,
    real,
    level: folder.level + 1,
  };
}

async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(path)) {
      if (!entry.name.startsWith(".")) entries.push(entry);
    }
  } catch (cause) {
    throw new UsageError(`Cannot read the folder ${JSON.stringify(path)}`, {
      cause,
    });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a link leads to; nothing, where it leads nowhere. */
async function follow(path: string) {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return { isFile, isDirectory, real: await Deno.realPath(path) };
  } catch {
    return undefined;
  }
}
