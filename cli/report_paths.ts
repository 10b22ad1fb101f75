import { basename, dirname, join, resolve } from "node:path";
import { type PluginConfig, UsageError } from "../plugins/mod.ts";

/**
 * Checks that no two reporters write to the same file or both to standard output, and that none overwrites an input.
 *
 * @param read The input files: `{ what: "the data", paths }`.
 * @throws {UsageError} If they do.
 */
export async function checkPaths(
  reporters: readonly PluginConfig[],
  read: { readonly what: string; readonly paths: readonly string[] },
): Promise<void> {
  const taken = new Map<string, string>();
  for (const path of read.paths) await allow(taken, path, read.what);
  for (const { use, with: options } of reporters) {
    const path = pathOf(options);
    if (path !== undefined && !isStandardOutput(path)) {
      await claim(taken, path, use);
    }
  }
  refuseSharedOutput(reporters);
}

/** Two reports on standard output would make one text that is neither. */
function refuseSharedOutput(reporters: readonly PluginConfig[]) {
  const [first, second] = reporters.filter(({ use, with: options }) =>
    use === "console" || isStandardOutput(pathOf(options))
  );
  if (!first || !second) return;
  throw new UsageError(
    `--report: ${first.use} and ${second.use} both write to standard output; give one of them a file, or leave it out`,
  );
}

/** Whether a reporter writes to standard output, as far as its options show: one without a path may. */
export function usesStandardOutput(
  { with: options }: PluginConfig,
): boolean {
  const path = pathOf(options);
  return path === undefined || isStandardOutput(path);
}

function isStandardOutput(path: string | undefined): boolean {
  return path !== undefined &&
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].includes(path);
}

/** Notes an input file; it may be read twice. */
async function allow(
  taken: Map<string, string>,
  path: string,
  owner: string,
): Promise<void> {
  const place = await placeOf(path);
  if (place !== undefined) taken.set(place, owner);
}

async function claim(
  taken: Map<string, string>,
  path: string,
  owner: string,
): Promise<void> {
  const place = await placeOf(path);
  if (place === undefined) return;
  const other = taken.get(place);
  if (other !== undefined) {
    throw new UsageError(
      `--report: ${owner} must have a file of its own, but ${path} is that of ${other}`,
    );
  }
  taken.set(place, owner);
}

/** Returns the option `path` of a plugin, if it has one. */
export function pathOf(options: unknown): string | undefined {
  const { path } = (options ?? {}) as { path?: unknown };
  return typeof path === "string" ? path : undefined;
}

/** Returns the real path of a file; undefined for devices and pipes, which several may share. */
async function placeOf(path: string): Promise<string | undefined> {
  const real = await Deno.realPath(path).catch(() => undefined);
  if (real === undefined) {
    const folder = resolve(dirname(path));
    const there = await Deno.realPath(folder).catch(() => folder);
    return join(there, basename(path));
  }
  return (await Deno.stat(real)).isFile ? real : undefined;
}
