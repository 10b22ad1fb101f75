import { basename, dirname, join, resolve } from "node:path";
import { type Configured, UsageError } from "../plugins/mod.ts";

/**
 * Refuses reporters that would write over each other, or over what is read, or both to standard output.
 *
 * @param read The files that are read: `{ what: "the data", paths }`.
 * @throws {UsageError} If two of them, or one and what is read, have the same file for their option `path`, or two standard output.
 */
export async function checkPaths(
  reporters: readonly Configured<"reporter">[],
  read: { readonly what: string; readonly paths: readonly string[] },
): Promise<void> {
  const taken = new Map<string, string>();
  for (const path of read.paths) await allow(taken, path, read.what);
  for (const { name, options } of reporters) {
    const path = pathOf(options);
    if (path !== undefined && !isStandardOutput(path)) {
      await claim(taken, path, name);
    }
  }
  refuseSharedOutput(reporters);
}

/** Two on standard output would be one text that is neither. */
function refuseSharedOutput(reporters: readonly Configured<"reporter">[]) {
  const [first, second] = reporters.filter(({ name, options }) =>
    name === "console" || isStandardOutput(pathOf(options))
  );
  if (!first || !second) return;
  throw new UsageError(
    `Cannot report by ${second.name} to standard output as only one reporter can have it: it is that of ${first.name}; give one of them a file or leave it out`,
  );
}

/** Whether a reporter prints to standard output, as far as its options show: one without a path may well do. */
export function usesStandardOutput(
  { options }: Configured<"reporter">,
): boolean {
  const path = pathOf(options);
  return path === undefined || isStandardOutput(path);
}

function isStandardOutput(path: string | undefined): boolean {
  return path !== undefined &&
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].includes(path);
}

/** What is read may be read twice. */
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
      `Cannot report by ${owner} to '${path}' as each report needs a file of its own: it is that of ${other}`,
    );
  }
  taken.set(place, owner);
}

/** The option `path` of a plugin, if it has one. */
export function pathOf(options: unknown): string | undefined {
  const { path } = (options ?? {}) as { path?: unknown };
  return typeof path === "string" ? path : undefined;
}

/** Where a file is, or will be; undefined for devices and pipes, which many may share. */
async function placeOf(path: string): Promise<string | undefined> {
  const real = await Deno.realPath(path).catch(() => undefined);
  if (real === undefined) {
    const folder = resolve(dirname(path));
    const there = await Deno.realPath(folder).catch(() => folder);
    return join(there, basename(path));
  }
  return (await Deno.stat(real)).isFile ? real : undefined;
}
