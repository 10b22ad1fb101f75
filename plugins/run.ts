import { type Clock, systemClock } from "../core/clock.ts";
import type { Reporter } from "../core/contract.ts";
import type { Host } from "../core/monitor.ts";
import type { NormalizerName } from "../core/quality/normalize.ts";
import type {
  Environment,
  PluginUse,
  Report,
  RunInfo,
  StopRules,
} from "../core/report.ts";
import {
  checkFirstStage,
  type RunListener,
  type RunResult,
  runStages,
} from "../core/run.ts";
import { messageOf } from "../core/errors.ts";
import { maxErrorRate } from "../core/slo.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { denoHost, describeEnvironment } from "./host.ts";
import type { Configured, Instances, Kind, OpenContext } from "./plugin.ts";
import { redact, redactText } from "../lib/redact.ts";

/** What to run. */
export interface RunOptions {
  /** Sends requests to a model. */
  readonly backend: Configured<"backend">;
  /** Supplies the sessions. */
  readonly dataset: Configured<"dataset">;
  /** Offers the load, stage by stage. */
  readonly load: Configured<"load">;
  /** The load in the words of the command line, for the report. @default {""} */
  readonly loadText?: string;
  /** When a stage ends. @default Each session once */
  readonly stop?: StopRules;
  /** Where results go, beside the report that is returned. @default {[]} */
  readonly reporters?: readonly Configured<"reporter">[];
  /** Fixes the order of the data and the arrivals. @default {1} */
  readonly seed?: number;
  /** What is done to texts before their words are compared. @default {"basic"} */
  readonly normalizer?: NormalizerName;
  /**
   * The highest share of a stage's requests that may fail or time out, 0 to 1: 0.05 for 5 %. The run goes on all the
   * same; each stage's `slo` says whether it kept the limit. @default No limit
   */
  readonly maxErrorRate?: number;
  /** Whether one item of the data that cannot be used ends the run. @default {false} */
  readonly strict?: boolean;
  /** Interrupts the run: the report tells what there was until then. */
  readonly signal?: AbortSignal;
  /** Reads environment variables for plugins. @default Deno.env.get */
  readonly env?: (name: string) => string | undefined;
  /** Told what does not stop the run: an item that was skipped, and the like. @default Says nothing */
  readonly warn?: (message: string) => void;
  /** What the report says of the machine and the program. @default What Deno tells of them */
  readonly environment?: Environment;
  /** Tells of the process, for the client's own health. @default What Deno tells of it */
  readonly host?: Host;
  /** The time. @default The system's monotonic clock */
  readonly clock?: Clock;
}

/**
 * Opens the plugins, offers the load, and reports.
 *
 * @example Usage
 * ```ts
 * import { concurrent, echo, repeat, run } from "@earshot/earshot";
 * import assert from "node:assert/strict";
 *
 * const report = await run({
 *   backend: echo({ delayMs: 5 }),
 *   dataset: repeat({ text: "hello" }),
 *   load: concurrent({ streams: [2] }),
 *   stop: { requests: 10 },
 * });
 * assert.equal(report.stages[0]?.counts.ok, 10);
 * ```
 *
 * @throws {UsageError} If options are refused, or no item of the data can be used.
 * @throws {RequestError} If the backend cannot reach its server at all.
 */
export async function run(options: RunOptions): Promise<Report> {
  const { clock = systemClock(), stop = {}, seed = 1, signal = never() } =
    options;
  const { normalizer = "basic", strict = false, host = denoHost() } = options;
  const { environment = describeEnvironment() } = options;
  const slos = options.maxErrorRate === undefined
    ? []
    : [maxErrorRate(options.maxErrorRate)];
  await using opened = new AsyncDisposableStack();
  const context: OpenContext = {
    env: options.env ?? ((name) => Deno.env.get(name)),
    signal,
    warn: options.warn ?? (() => {}),
  };
  async function open<K extends Kind>(
    plugin: Configured<K>,
  ): Promise<Instances[K]> {
    const instance: Instances[K] & Partial<AsyncDisposable> = await plugin.open(
      context,
    );
    opened.defer(() =>
      disposeInTime(
        `${plugin.kind} "${plugin.name}"`,
        () => instance[Symbol.asyncDispose]?.(),
        { clock, warn: context.warn },
      )
    );
    return instance;
  }
  // The backend last: a path that cannot be written, or data that nothing ends, is told before a server is asked.
  const reporters: Reporter[] = [];
  for (const reporter of options.reporters ?? []) {
    reporters.push(await open(reporter));
  }
  const load = await open(options.load);
  const dataset = await open(options.dataset);
  checkFirstStage({ load, stop, dataset, seed });
  const backend = await open(options.backend);

  const head = (begun: { epochMs: number; loadingMs: number }): RunInfo => ({
    earshot: environment,
    run: {
      id: crypto.randomUUID(),
      startedAt: new Date(begun.epochMs).toISOString(),
      epochMs: begun.epochMs,
      seed,
      loadingMs: begun.loadingMs,
      config: {
        backend: use(options.backend, backend.facts),
        dataset: use(options.dataset, dataset.facts),
        load: options.loadText ?? "",
        stop,
        normalizer,
        ...(slos.length > 0 &&
          { slo: slos.map(({ text }) => text) }),
      },
    },
  });
  let info: RunInfo | undefined;
  const listener = fanOut(reporters, context, (begun) => info = head(begun));
  const result = await runStages({
    backend,
    dataset,
    load,
    stop,
    seed,
    normalizer,
    slos,
    strict,
    clock,
    host,
    signal,
    listener,
  });
  info ??= head({
    epochMs: clock.epochMs + clock.now(),
    loadingMs: clock.now(),
  });
  const report = reportOf(info, result);
  // What ended the run weighs more than what became of its report.
  await tellAll(reporters, report).catch((error) => {
    if (result.error === undefined) throw error;
    context.warn(messageOf(error));
  });
  if (result.error !== undefined) throw result.error;
  return report;
}

/**
 * Hands the report to every reporter, whatever becomes of the others.
 *
 * @throws The error of one that failed; an `AggregateError` of several.
 */
export async function tellAll(
  reporters: readonly Reporter[],
  report: Report,
): Promise<void> {
  const errors: unknown[] = [];
  for (const reporter of reporters) {
    try {
      await reporter.report(report);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    throw new AggregateError(errors, errors.map(messageOf).join("\n"));
  }
}

function use(
  { name, options }: Configured<Kind>,
  facts: PluginUse["facts"],
): PluginUse {
  return {
    name,
    options: redact(options),
    ...(facts && { facts: redact(facts) as NonNullable<typeof facts> }),
  };
}

/** Passes what happens on to every reporter. One that throws is told of, once, and left out from then on. */
function fanOut(
  reporters: readonly Reporter[],
  { warn }: OpenContext,
  begin: (begun: { epochMs: number; loadingMs: number }) => RunInfo,
): RunListener {
  const broken = new Set<Reporter>();
  function tell(call: (reporter: Reporter) => void): void {
    for (const reporter of reporters) {
      if (broken.has(reporter)) continue;
      try {
        call(reporter);
      } catch (error) {
        broken.add(reporter);
        warn(
          `A reporter failed and hears no more of this run: ${
            messageOf(error)
          }`,
        );
      }
    }
  }
  return {
    start(begun) {
      const info = begin(begun);
      tell((reporter) => reporter.start?.(info));
    },
    samples: (batch) => tell((reporter) => reporter.samples?.(batch)),
    progress: (snapshot) => tell((reporter) => reporter.progress?.(snapshot)),
    stage: (stage) => tell((reporter) => reporter.stage?.(stage)),
    skip: (id, reason) =>
      warn(`Skipped "${redactText(id)}": ${redactText(reason)}`),
    late: (what) => warn(`${what} did not stop in time, and is left behind`),
  };
}

function reportOf(
  info: RunInfo,
  { stages, skipped: { count, items }, interrupted }: RunResult,
): Report {
  const skipped = {
    count,
    items: items.map(({ id, reason }) => ({
      id: redactText(id),
      reason: redactText(reason),
    })),
  };
  return { schema: "earshot.report/1", ...info, stages, skipped, interrupted };
}

function never(): AbortSignal {
  return new AbortController().signal;
}
