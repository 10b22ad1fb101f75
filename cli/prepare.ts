import { basename, dirname, join, resolve } from "node:path";
import { systemClock } from "../core/clock.ts";
import type { NormalizerName, PluginConfig } from "../core/config.ts";
import { zip } from "../datasets/zip.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { removeAbandonedFolders } from "../lib/temporary_folder.ts";
import { type PreparedRun, prepareRun } from "../plugins/config.ts";
import { type Configured, UsageError } from "../plugins/mod.ts";
import { PLACEHOLDER } from "../plugins/plugin_checks.ts";
import { joined } from "../plugins/run.ts";
import { type ConfigFlags, readConfig } from "./config.ts";
import { colorOf } from "./flag_values.ts";
import { warn } from "./output.ts";

/** A run that flags and a file describe. Disposing of it stops the reference server, if one was started. */
export interface ReadRun extends AsyncDisposable {
  readonly run: PreparedRun;
  /** The data, several datasets joined. */
  readonly dataset: Configured<"dataset">;
  /** Gives the source of a value of the configuration. */
  sourceOf(path: string): string;
  /** Returns the backend; starts the reference server first if it has no target. */
  startBackend(): Promise<Configured<"backend">>;
}

/**
 * Reads and checks what flags and a configuration file say. Everything is checked before a server is started, and all
 * problems are reported at once.
 *
 * @throws {UsageError} If anything is invalid.
 */
export async function readRun(
  flags: ConfigFlags & {
    readonly quiet?: boolean;
    readonly color?: string;
    /** Whether the run is only printed: variables that it names need not be set. */
    readonly printConfig?: boolean;
  },
): Promise<ReadRun> {
  const { config, load, problems, placeOf, sourceOf } = await readConfig(flags);
  const reports = withConsole(config.reports ?? [], flags);
  const run = await prepareRun({ ...config, reports }, {
    load,
    hasServer: true,
    env: (name) =>
      Deno.env.get(name) || (flags.printConfig ? PLACEHOLDER : undefined),
    problems,
    placeOf,
  });
  const paths = run.config.data.map((each) => pathOf(each.with));
  await checkPaths(run.config.reports, { what: "the data", paths });
  const held = new AsyncDisposableStack();
  return {
    run,
    dataset: joined(run.data, zip),
    sourceOf,
    async startBackend() {
      await removeAbandonedFolders(); // before anything is timed
      if (!run.needsServer) return run.backend;
      if (config.backend !== undefined || config.data !== undefined) {
        warn(
          "no target was given: the bundled reference server is measured, which has no model and knows only the bundled speech",
        );
      }
      const { startServerThread } = await import("../server/start_thread.ts");
      const server = await startServerThread();
      held.defer(() =>
        disposeInTime("the reference server", () => server.close(), {
          clock: systemClock(),
          warn,
        })
      );
      const plugin = await load("backend", run.config.backend.use);
      return plugin({ ...run.config.backend.with, target: server.url });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/**
 * Reads and checks the flags of `earshot report`.
 *
 * @param samples The file that is read, which no report may overwrite.
 * @throws {UsageError} If anything is invalid.
 */
export async function readReports(
  flags: Pick<ConfigFlags, "report" | "normalizer" | "slo"> & {
    readonly quiet?: boolean;
    readonly color?: string;
  },
  samples: string,
): Promise<{
  readonly configured: readonly Configured<"reporter">[];
  readonly normalizer: NormalizerName | undefined;
  readonly slos: readonly string[] | undefined;
}> {
  const { config, load, problems, placeOf } = await readConfig(flags);
  // Backend and data are not used; these two need no files and no server.
  const { reports, config: { reports: used } } = await prepareRun({
    ...config,
    backend: { use: "echo" },
    data: [{ use: "clips" }],
    reports: withConsole(config.reports ?? [], flags),
  }, { load, env: (name) => Deno.env.get(name), problems, placeOf });
  await checkPaths(used, { what: "the samples", paths: [samples] });
  const { normalizer, slos } = config;
  return { configured: reports, normalizer, slos };
}

/**
 * Adds the summary for people, unless a report prints to standard output or `--quiet` asks for the reports alone.
 * `--color` is an option of it.
 */
function withConsole(
  reports: readonly { readonly use: string; readonly with?: object }[],
  { quiet = false, color }: {
    readonly quiet?: boolean;
    readonly color?: string;
  },
): readonly PluginConfig[] {
  const colored = color === undefined ? {} : { color: colorOf(color) };
  const given = reports.map(({ use, with: options }) => ({
    use,
    with: use === "console" ? { ...colored, ...options } : { ...options },
  }));
  const isWanted = !quiet || given.length === 0;
  return isWanted && !given.some(usesStandardOutput)
    ? [...given, { use: "console", with: colored }]
    : given;
}

/**
 * Checks that no two reporters write to the same file or both to standard output, and that none overwrites an input.
 *
 * @param read The input files: `{ what: "the data", paths }`.
 * @throws {UsageError} If they do.
 */
export async function checkPaths(
  reporters: readonly PluginConfig[],
  read: {
    readonly what: string;
    readonly paths: readonly (string | undefined)[];
  },
): Promise<void> {
  const taken = new Map<string, string>();
  for (const path of read.paths) {
    const place = await placeOf(path);
    if (place !== undefined) taken.set(place, read.what); // it may be read twice
  }
  for (const { use, with: options } of reporters) {
    const path = pathOf(options);
    const place = await placeOf(path);
    if (place === undefined) continue;
    const other = taken.get(place);
    if (other !== undefined) {
      throw new UsageError(
        `--report: ${use} must have a file of its own, but ${path} is that of ${other}`,
      );
    }
    taken.set(place, use);
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
function usesStandardOutput(
  { with: options }: PluginConfig,
): boolean {
  const path = pathOf(options);
  return path === undefined || isStandardOutput(path);
}

function isStandardOutput(path: string | undefined): boolean {
  return path !== undefined &&
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].includes(path);
}

/** Returns the option `path` of a plugin, if it has one. */
function pathOf(options: unknown): string | undefined {
  const { path } = (options ?? {}) as { path?: unknown };
  return typeof path === "string" ? path : undefined;
}

/** Returns the real path of a file; undefined for standard output, devices and pipes, which several may share. */
async function placeOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || isStandardOutput(path)) return undefined;
  const real = await Deno.realPath(path).catch(() => undefined);
  if (real === undefined) {
    const folder = resolve(dirname(path));
    const there = await Deno.realPath(folder).catch(() => folder);
    return join(there, basename(path));
  }
  return (await Deno.stat(real)).isFile ? real : undefined;
}
