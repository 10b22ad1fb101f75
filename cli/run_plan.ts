import { systemClock } from "../core/clock.ts";
import { disposeInTime } from "../lib/disposal.ts";
import type { Configured } from "../plugins/mod.ts";
import { UsageError } from "../plugins/mod.ts";
import type { RunOptions } from "../plugins/run.ts";
import { type NormalizerName, normalizers } from "../core/quality/normalize.ts";
import type { StopRules } from "../core/report.ts";
import {
  backendAndServer,
  type BackendFlags,
  checkBackend,
  dataFor,
  lacksTarget,
} from "./backend_of.ts";
import { pluginOf } from "./plugin_of.ts";
import { loadOf } from "./loads.ts";
import type { RunFlags } from "./commands/run.ts";
import { parseDuration, parseShare } from "../lib/units.ts";
import { checkPaths, pathOf, usesStandardOutput } from "./report_paths.ts";
import { collectProblems } from "../plugins/problems.ts";
import { warn } from "./warn.ts";

/** Everything that a run needs; disposing of it stops the reference server, if one was started. */
export interface Plan extends AsyncDisposable {
  readonly options: RunOptions & {
    readonly reporters: readonly Configured<"reporter">[];
  };
}

/** What a run without a target does: some 20 seconds in which every bundled clip is heard three times, or less. */
const DEMO = { load: "concurrent=8", requests: "24" };

/**
 * Makes a plan of what the command line says.
 *
 * @throws {UsageError} If something in it cannot be used.
 */
export async function planOf(flags: RunFlags): Promise<Plan> {
  const given = await isDemo(flags) ? { ...flags, ...DEMO } : flags;
  const loadText = given.load ?? "concurrent=1";
  // Everything that can be refused is, and all at once, before a server is started.
  const { backend: _, maxErrorRate, ...parts } = await collectProblems({
    load: () => loadOf(loadText),
    stop: () => stopOf(given),
    seed: () => wholeNumber("--seed", flags.seed, 0),
    normalizer: () => normalizerOf(flags.normalizer),
    maxErrorRate: () => maxErrorRateOf(flags),
    dataset: () => datasetOf(flags),
    reporters: () => reportersOf(flags),
    backend: () => checkBackend(flags),
  });
  await checkPaths(parts.reporters, {
    what: "the data",
    paths: pathsOf(parts.dataset),
  });
  const { backend, server } = await backendAndServer(flags);
  if (server && (flags.data.length > 0 || flags.backend !== undefined)) {
    warn(
      "No target was given: the bundled reference server is measured, which has no model and knows only the bundled speech",
    );
  }
  return {
    options: {
      ...parts,
      ...(maxErrorRate !== undefined && { maxErrorRate }),
      loadText,
      strict: flags.strict ?? false,
      backend,
    },
    [Symbol.asyncDispose]: () =>
      disposeInTime("the reference server", () => server?.close(), {
        clock: systemClock(),
        warn,
      }),
  };
}

/** Whether nothing was said of a server and of what to do. */
async function isDemo(flags: RunFlags): Promise<boolean> {
  const { load, data, duration, requests } = flags;
  const isFree = data.length === 0 &&
    [load, duration, requests].every((flag) => flag === undefined);
  return isFree && await lacksTarget(flags);
}

/**
 * Every reporter that `--report` names, with every problem there is. The summary for people comes with them where
 * none of them prints to standard output, and `--quiet` does not ask for the reports alone.
 */
export async function reportersOf(
  { report: specs, quiet = false }: Pick<RunFlags, "report" | "quiet">,
): Promise<readonly Configured<"reporter">[]> {
  const made = await collectProblems(
    Object.fromEntries(
      specs.map((spec, i) => [i, () => pluginOf("reporter", spec)]),
    ),
  );
  const reporters = specs.map((_, i) => made[i]!);
  const isWanted = !quiet || reporters.length === 0;
  return isWanted && !reporters.some(usesStandardOutput)
    ? [await pluginOf("reporter", "console"), ...reporters]
    : reporters;
}

/** The dataset that `--data` names, or the backend's own; several are put together, column by column. */
export async function datasetOf(
  { data, ...flags }: BackendFlags & Pick<RunFlags, "data">,
): Promise<Configured<"dataset">> {
  const { datasetSpec } = await import("./dataset_spec.ts");
  const one = async (text: string) =>
    await pluginOf("dataset", await datasetSpec(text));
  if (data.length <= 1) return await one(data[0] ?? dataFor(flags));
  const { zip } = await import("../datasets/zip.ts");
  const made = await collectProblems(
    Object.fromEntries(data.map((text, i) => [i, () => one(text)])),
  );
  return zip(data.map((_, i) => made[i]!));
}

/** The files that a dataset reads, as far as its options name them. */
function pathsOf({ options }: Configured<"dataset">): readonly string[] {
  const all = Array.isArray(options)
    ? options.map((each) => each.options)
    : [options];
  return all.map(pathOf).filter((path) => path !== undefined);
}

function stopOf({ duration, requests, warmup, drain }: RunFlags): StopRules {
  return {
    ...(warmup !== undefined &&
      { warmupMs: durationOf("--warmup", warmup) }),
    ...(duration !== undefined &&
      { durationMs: positive("--duration", duration) }),
    ...(requests !== undefined &&
      { requests: wholeNumber("--requests", requests, 1) }),
    ...(drain !== undefined && { drainMs: durationOf("--drain", drain) }),
  };
}

function maxErrorRateOf({ maxErrorRate }: RunFlags): number | undefined {
  return maxErrorRate === undefined
    ? undefined
    : shareOf("--max-error-rate", maxErrorRate);
}

function positive(option: string, text: string): number {
  const ms = durationOf(option, text);
  if (ms > 0) return ms;
  throw new UsageError(
    `${option} must be above 0, but was ${text}`,
  );
}

/** @throws {UsageError} If it is none, or below `least`. */
export function wholeNumber(
  option: string,
  text: string,
  least: number,
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) {
    return value;
  }
  throw new UsageError(
    `${option} must be a whole number of at least ${least}, but was ${text}`,
  );
}

/** @throws {UsageError} If there is none of that name. */
export function normalizerOf(name: string): NormalizerName {
  if (Object.hasOwn(normalizers, name)) return name as NormalizerName;
  throw new UsageError(
    `--normalizer must be one of ${
      Object.keys(normalizers).join(", ")
    }, but was ${name}`,
  );
}

/** @throws {UsageError} If it is not a duration with a unit. */
function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new UsageError(
    `${option} must be a duration with ms, s, m or h, but was ${
      JSON.stringify(text)
    }`,
  );
}

/** @throws {UsageError} If it is not a share. */
function shareOf(option: string, text: string): number {
  const share = parseShare(text);
  if (share !== undefined) return share;
  const meant = Number(text) > 0 && Number(text) <= 100
    ? `; did you mean ${text}%?`
    : "";
  throw new UsageError(
    `${option} must be a share such as 5% or 0.05, but was ${
      JSON.stringify(text)
    }${meant}`,
  );
}
