import { type Clock, shiftClock } from "./clock.ts";
import type { Backend, Dataset } from "./contract.ts";
import { UsageError } from "./errors.ts";
import type { LoadProfile, Stage } from "./load.ts";
import type { Host } from "./monitor.ts";
import type { NormalizerName } from "./quality/normalize.ts";
import { random } from "../lib/random.ts";
import type { Progress, Skipped, StageReport, StopRules } from "./report.ts";
import type { Sample } from "./sample.ts";
import type { Slo } from "./slo.ts";
import { openSource, type Source } from "./source.ts";
import { runStage, type StageResult } from "./stage.ts";

/** What the engine needs for a run. */
export interface EngineOptions {
  /** Sends requests. */
  readonly backend: Backend;
  /** Supplies sessions. */
  readonly dataset: Dataset;
  /** Offers the load. */
  readonly load: LoadProfile;
  /** When a stage ends. */
  readonly stop: StopRules;
  /** Fixes order and arrivals. */
  readonly seed: number;
  /** How texts are normalized. */
  readonly normalizer: NormalizerName;
  /** Objectives to judge every stage by. @default {[]} */
  readonly slos?: readonly Slo[];
  /** Whether one unusable item ends the run. */
  readonly strict: boolean;
  /** The time. */
  readonly clock: Clock;
  /** Tells of the process. */
  readonly host?: Host | undefined;
  /** Interrupts the run: what is in flight is given up, and the report is made. */
  readonly signal: AbortSignal;
  /** Hears what happens. */
  readonly listener: Listener;
}

/** Hears what happens in a run. */
export interface Listener {
  /** The first request may be sent: the run's clock stands at 0. */
  start(begun: { epochMs: number; loadingMs: number }): void;
  /** Samples that ended since the last call. */
  samples(batch: readonly Sample[]): void;
  /** What stands now. */
  progress(snapshot: Progress): void;
  /** A stage has ended. */
  stage(stage: StageReport): void;
  /** An item of the data cannot be used. */
  skip(id: string, reason: string): void;
  /** Something did not stop in time when it was told to, and is left behind. */
  late(what: string): void;
}

/** What came of a run. */
export interface RunResult {
  /** One for each stage that began. */
  readonly stages: readonly StageReport[];
  /** Items left out. */
  readonly skipped: Skipped;
  /** Whether it was interrupted. */
  readonly interrupted: boolean;
  /** What ended it before its time, if anything did. */
  readonly error?: unknown;
}

/** Items that a report names. */
const MAX_SKIPPED_NAMED = 20;
/** Items that are named for one reason that they all have. */
const MAX_ALIKE_NAMED = 3;
/** So many at the beginning of the data, and not one of use: the rest is not looked at, as it may have no end. */
const MAX_SKIPPED_AT_FIRST = 1000;

/**
 * Runs every stage of a load profile, one after another, each from the beginning of the data.
 *
 * @throws {UsageError} If no item of the data can be used; before any load is offered.
 */
export async function runStages(options: EngineOptions): Promise<RunResult> {
  const { load, seed, listener, signal } = options;
  const skips = skipping(options);
  const stages: StageReport[] = [];
  const runNext = stageRunner(options, skips);
  let error: unknown;
  try {
    const plan = load((purpose) => random(seed, purpose));
    let step = plan.next();
    while (!step.done && !signal.aborted) {
      const result = await runNext(step.value);
      if (result === undefined) break;
      stages.push(result.report);
      listener.stage(result.report);
      error = result.error;
      if (error !== undefined) break;
      step = plan.next(result.report);
    }
  } catch (thrown) {
    // The stages before it are reported all the same.
    if (stages.length === 0) throw thrown;
    error = thrown;
  }
  return {
    stages,
    skipped: skips.result(),
    interrupted: signal.aborted || error !== undefined,
    ...(error !== undefined && { error }),
  };
}

/** Runs one stage after another: the clock begins with the first, the ids go on. `undefined` where an interrupt comes first. */
function stageRunner(options: EngineOptions, skips: Skipping) {
  const { clock, listener, signal } = options;
  const loop = mustEnd(options);
  let runClock: Clock | undefined;
  let index = 0;
  let firstId = 0;

  function begin(): Clock {
    const zeroMs = clock.now();
    const begun = shiftClock(clock, zeroMs);
    listener.start({ epochMs: begun.epochMs, loadingMs: zeroMs });
    return begun;
  }

  return async (stage: Stage): Promise<StageResult | undefined> => {
    const source = openSource({
      ...options,
      loop,
      onSkip: skips.add,
      onLate: (what) => listener.late(what),
    });
    try {
      const first = await primed(source, stage, options);
      if (first === undefined && signal.aborted) return undefined;
      if (first === undefined) throw nothingUsable(skips.result());
      skips.begin();
      runClock ??= begin();
      const result = await runStage({
        ...options,
        ...listener,
        stage,
        index: index++,
        firstId,
        source: first,
        clock: runClock,
      });
      firstId = result.nextId;
      return result;
    } finally {
      await source.close();
    }
  };
}

/**
 * Whether something ends a stage before the data does: the data is then begun again where that is needed.
 *
 * @throws {UsageError} If nothing would end it, or a rule means nothing.
 */
export function mustEnd(
  { stop, dataset }: Pick<EngineOptions, "stop" | "dataset">,
): boolean {
  checkStop(stop);
  const { durationMs, requests } = stop;
  const isEnded = durationMs !== undefined || requests !== undefined;
  if (isEnded || !dataset.isEndless) return isEnded;
  throw new UsageError(
    "Cannot run as data without end needs a duration or a number of requests: neither was given",
  );
}

/** Holds the stop rules to what they can mean: a program may give anything. */
function checkStop(
  { durationMs, requests, warmupMs, drainMs }: StopRules,
): void {
  const rules: [string, number | undefined, boolean, string][] = [
    [
      "durationMs",
      durationMs,
      durationMs! > 0 && durationMs! < Infinity,
      "be above 0",
    ],
    [
      "requests",
      requests,
      Number.isSafeInteger(requests) && requests! > 0,
      "be a whole number from 1 on",
    ],
    [
      "warmupMs",
      warmupMs,
      warmupMs! >= 0 && warmupMs! < Infinity,
      "be 0 or more",
    ],
    ["drainMs", drainMs, drainMs! >= 0 && drainMs! < Infinity, "be 0 or more"],
  ];
  for (const [name, value, holds, rule] of rules) {
    if (value === undefined || holds) continue;
    throw new UsageError(
      `Cannot run as '${name}' must ${rule}: current value is ${value}`,
    );
  }
}

/** How long a stage waits for the streams that it begins with, once the first is ready. */
const PRIME_MS = 1000;
/** Sessions kept ready while a stage runs, and at least when it begins. */
const AHEAD = 16;

/**
 * Waits until the sessions that a stage begins with are ready, and the first in any case. What is not ready by then
 * is waited for on the clock, and shows as schedule lag. `undefined` where there is none.
 */
async function primed(
  source: Source,
  { arrivals }: Stage,
  { clock }: EngineOptions,
): Promise<Source | undefined> {
  const wanted = "concurrency" in arrivals ? arrivals.concurrency : AHEAD;
  source.keepAhead(wanted + AHEAD);
  const first = await source.next();
  if (first === undefined) return undefined;
  const enough = new AbortController();
  await Promise.race([
    source.filled(wanted - 1),
    clock.sleepUntil(clock.now() + PRIME_MS, enough.signal).catch(() => {}),
  ]);
  enough.abort();
  let given = false;
  return {
    ...source,
    next() {
      if (given) return source.next();
      given = true;
      return Promise.resolve(first);
    },
  };
}

/** What of the data cannot be used. */
interface Skipping {
  /** What stands. */
  result(): Skipped;
  /** Something of use was found. */
  begin(): void;
  /** An item cannot be used. Throws where that ends the run. */
  add(id: string, reason: string): void;
}

/**
 * Counts what cannot be used: each item once, however often the data is read. Nobody is told before an item of use
 * was found: where there is none, one error tells of them all.
 */
function skipping({ strict, listener }: EngineOptions): Skipping {
  const seen = new Set<string>();
  const items: Skipped["items"][number][] = [];
  let held: Skipped["items"][number][] | undefined = [];
  const result = (): Skipped => ({ count: seen.size, items });
  return {
    result,
    begin() {
      for (const { id, reason } of held ?? []) listener.skip(id, reason);
      held = undefined;
    },
    add(id, reason) {
      if (seen.has(id)) return;
      seen.add(id);
      if (items.length < MAX_SKIPPED_NAMED) items.push({ id, reason });
      if (held && seen.size >= MAX_SKIPPED_AT_FIRST) {
        throw nothingUsable(result());
      }
      if (strict) throw new UsageError(`Cannot use "${id}": ${reason}`);
      if (held) held.push({ id, reason });
      else listener.skip(id, reason);
    },
  };
}

/** No item can be used: says why. */
function nothingUsable({ count, items }: Skipped): UsageError {
  if (count === 0) return new UsageError("Cannot run as the data has no items");
  const alike = Map.groupBy(items, ({ reason }) => reason);
  const named = [...alike].map(([reason, items]) =>
    `\n  ${reasonOf(reason, items.map(({ id }) => id))}`
  ).join("");
  const rest = count > items.length
    ? `\n  … and ${count - items.length} more`
    : "";
  return new UsageError(
    `Cannot run as no item of the data can be used: ${count} skipped${named}${rest}`,
  );
}

/** Why items cannot be used, with the first of them; a reason may begin with the place, which is then the name. */
function reasonOf(reason: string, ids: readonly string[]): string {
  if (reason.startsWith(`${ids[0]}: `)) return reason;
  const others = ids.length - MAX_ALIKE_NAMED;
  const rest = others > 0 ? ` and ${others} more` : "";
  return `${ids.slice(0, MAX_ALIKE_NAMED).join(", ")}${rest}: ${reason}`;
}
