import { type Clock, shiftClock } from "./clock.ts";
import type { ClosedLoop, Dataset, LoadProfile, Stage } from "./contract.ts";
import { RunEnded, UsageError } from "./errors.ts";
import { untilAborted } from "../lib/abort.ts";
import { settlesWithin } from "../lib/disposal.ts";
import { yieldToEventLoop } from "../lib/event_loop.ts";
import { random } from "../lib/random.ts";
import { NetworkProbe } from "./network.ts";
import { Column } from "./metrics/column.ts";
import type { Progress, Skipped, StageReport, Summary } from "./report.ts";
import type { Capacity } from "./run_results.ts";
import { sharesPrefixes } from "./notes/cached_prompts.ts";
import type { RunStopRules, StopRules } from "./config.ts";
import type { Sample } from "./sample.ts";
import { checkShard, type Shard, shareOf, WHOLE } from "./shard.ts";
import { SessionSource } from "./source.ts";
import { type SharedOptions, type StageResult, StageRun } from "./stage.ts";
import { endsBeforeData } from "./stop/stage_end.ts";
import { StopJudge } from "./stop/stop_judge.ts";
import { rulesOfStage } from "./stop/stop_rules.ts";

/** Options of {@linkcode runStages}. */
export interface EngineOptions extends SharedOptions {
  /** Source of the sessions. */
  readonly dataset: Dataset;
  /** Stages of the run; of several profiles one after another. */
  readonly load: LoadProfile | readonly LoadProfile[];
  /** How often all stages are run, each time with another order of the data and other arrivals. @default {1} */
  readonly repeat?: number;
  /** When a stage ends, unless it has rules of its own. */
  readonly stop: StopRules;
  /** When the run ends, whichever stage goes on. @default {{}} */
  readonly stopRun?: RunStopRules;
  /** Seed of the order of the data and of the arrivals. */
  readonly seed: number;
  /** Largest share of a headline metric that may be the client's own in a valid stage. */
  readonly maxClientShare?: number;
  /** Whether round trips of the network are measured before and after each stage. */
  readonly probeRtt?: boolean;
  /** Part of the run that is done here. @default {WHOLE} */
  readonly shard?: Shard;
  /** Whether one unusable item ends the run. */
  readonly strict: boolean;
  /** Receives the events of the run. */
  readonly listener: RunListener;
}

/** Receives the events of a run. */
export interface RunListener {
  /** The first request may be sent: the run's clock is at 0. */
  start(begun: { epochMs: number; loadingMs: number }): void;
  /** Samples that ended since the last call. */
  samples(batch: readonly Sample[]): void;
  /** The state of the running stage, a few times a second. */
  progress(snapshot: Progress): void;
  /** A stage has ended. */
  stage(stage: StageReport): void;
  /** An item of the data cannot be used. */
  skip(id: string, reason: string): void;
  /** A part of the run did not stop in time and is abandoned. */
  late(part: "backend" | "dataset"): void;
}

/** Result of a run. */
export interface RunResult {
  /** One for each stage that began. */
  readonly stages: readonly StageReport[];
  /** Results of the searches for the capacity. */
  readonly capacities: readonly Capacity[];
  /** Items left out. */
  readonly skipped: Skipped;
  /** Whether it was interrupted, or ended by an error. */
  readonly interrupted: boolean;
  /** Error that ended it early, if any. */
  readonly error?: unknown;
}

/** Items that a report names. */
const MAX_SKIPPED_NAMED = 20;
/** Items that are named for a reason that several share. */
const MAX_ALIKE_NAMED = 3;
/** Unusable items at the beginning of the data after which reading stops: the data may have no end. */
const MAX_SKIPPED_AT_FIRST = 1000;

/**
 * Runs every stage of the load profiles, one after another, each from the beginning of the data.
 *
 * @throws {UsageError} If no item of the data can be used; before any load is offered.
 */
export async function runStages(options: EngineOptions): Promise<RunResult> {
  const { listener, signal } = options;
  const skips = new SkippedItems(options);
  const stages: StageReport[] = [];
  const capacities: Capacity[] = [];
  const runNext = stageRunner(options, skips);
  let error: unknown;

  /** Runs the stages of one plan. Returns whether the run goes on. */
  async function runPlan({ stages: plan, repeat }: Plan): Promise<boolean> {
    let step = plan.next();
    let isOver = false;
    while (!step.done && !isOver) {
      const result = signal.aborted
        ? undefined
        : await runNext(step.value, repeat);
      if (result) {
        stages.push(result.report);
        listener.stage(result.report);
        error = result.error;
        // Stages without a request take no time: without this, the signal would never abort.
        await yieldToEventLoop();
        step = plan.next(result.report);
      }
      isOver = result === undefined || signal.aborted || error !== undefined ||
        result.report.stopCause?.scope === "run";
    }
    if (!step.done) {
      step = endPlan(
        plan,
        signal.aborted
          ? "the run was interrupted"
          : error === undefined
          ? "a stop rule of the run ended it"
          : "an error ended the run",
      );
    }
    if (step.done && step.value) capacities.push(step.value);
    return !isOver;
  }

  try {
    for (const plan of plansOf(options)) {
      if (signal.aborted || !await runPlan(plan)) break;
    }
  } catch (thrown) {
    // The stages before it are still reported.
    if (stages.length === 0) throw thrown;
    error = thrown;
  }
  return {
    stages,
    capacities,
    skipped: skips.result(),
    interrupted: signal.aborted || error !== undefined,
    ...(error !== undefined && { error }),
  };
}

/** The stages of one profile. */
interface Plan {
  readonly stages: ReturnType<LoadProfile>;
  /** Index of the repetition. */
  readonly repeat: number;
}

/** Ends a plan before its next stage. Returns its result so far. */
function endPlan(
  stages: ReturnType<LoadProfile>,
  reason: string,
): IteratorResult<Stage, Capacity | void> {
  const ended = new RunEnded(reason);
  try {
    const step = stages.throw(ended);
    if (!step.done) stages.return();
    return step;
  } catch (error) {
    if (error !== ended) throw error;
    return { done: true, value: undefined };
  }
}

/** The plans of a run: every profile in turn, as often as it is repeated. */
function* plansOf(options: PlanOptions): Generator<Plan, void> {
  const { load, seed, repeat: count = 1, ...rules } = options;
  const { stop, slos = [], normalizer } = rules;
  for (let repeat = 0; repeat < count; repeat++) {
    for (const [i, profile] of [load].flat().entries()) {
      const part = (i > 0 ? `load ${i}/` : "") +
        (repeat > 0 ? `repeat ${repeat}/` : "");
      const stages = profile(
        (purpose) => random(seed, part + purpose),
        { stop, slos, normalizer },
      );
      yield { stages, repeat };
    }
  }
}

/**
 * Returns a function that runs one stage. Its clock begins with the first stage, and request ids continue from stage to
 * stage. It returns `undefined` if the run is interrupted before the stage begins.
 */
function stageRunner(options: EngineOptions, skips: SkippedItems) {
  const { clock, listener, signal, dataset, shard = WHOLE, stopRun = {} } =
    options;
  checkShard(shard);
  const runJudge = new StopJudge(stopRun, "run", shard);
  let runClock: Clock | undefined;
  let index = 0;
  let firstId = shard.index;
  /** Position in the data behind the last session of the stages before. */
  let position = 0;

  function begin(): Clock {
    const zeroMs = clock.now();
    const begun = shiftClock(clock, zeroMs);
    listener.start({ epochMs: begun.epochMs, loadingMs: zeroMs });
    return begun;
  }

  /** Time until a rule of the run ends it. */
  function leftMs(): number {
    return (stopRun.durationMs ?? Infinity) - (runClock?.now() ?? 0);
  }

  /** Waits as long as a stage wants to be idle before it begins. */
  async function settle({ settleMs = 0 }: Stage, leftMs: number) {
    const waitMs = Math.min(settleMs, leftMs);
    if (waitMs <= 0) return;
    await clock.sleepUntil(clock.now() + waitMs, signal).catch(() => {});
  }

  return async (
    stage: Stage,
    repeat: number,
  ): Promise<StageResult | undefined> => {
    const stop = rulesOfStage(options.stop, stage.stop);
    const source = new SessionSource({
      ...options,
      shard,
      seed: options.seed + repeat,
      from: stage.continuesData ? position : 0,
      loop: endsBeforeData(stop, dataset, stopRun),
      isRecorded: "speed" in stage.arrivals,
      onSkip: (id, reason) => skips.add(id, reason),
      onLate: (part) => listener.late(part),
    });
    try {
      if (!await isPrimed(source, stage, options)) {
        if (signal.aborted) return undefined;
        throw nothingUsable(skips.result());
      }
      skips.release();
      const network = options.probeRtt
        ? new NetworkProbe(options.backend, options)
        : undefined;
      await network?.measure();
      if (index > 0) await settle(stage, leftMs());
      const connectAhead = await connectBefore(stage, source, options);
      if (signal.aborted) return undefined;
      runClock ??= begin();
      if (leftMs() <= 0) return undefined;
      if (index > 0 && runJudge.isSpent) return undefined;
      const result = await new StageRun({
        ...options,
        ...listener,
        sharesPrefixes: sharesPrefixes(dataset.facts),
        stage,
        stop,
        repeat: (options.repeat ?? 1) > 1 ? repeat + 1 : undefined,
        stopRun,
        runJudge,
        shard,
        index: index++,
        firstId,
        source,
        connectAhead,
        network,
        clock: runClock,
      }).run();
      firstId = result.nextId;
      position = source.position;
      return result;
    } finally {
      await source.close();
    }
  };
}

type PlanOptions = Pick<
  EngineOptions,
  "load" | "stop" | "seed" | "slos" | "normalizer" | "repeat"
>;

/**
 * Checks, before a server is asked, that the first stage of each load has an end.
 *
 * @throws {UsageError} If one has none, or a stop rule has no meaning.
 */
export function checkFirstStages(
  options: PlanOptions & Pick<EngineOptions, "dataset" | "stopRun">,
): void {
  const { stop, stopRun, dataset } = options;
  for (const { stages } of plansOf({ ...options, repeat: 1 })) {
    const { value: first } = stages.next();
    stages.return();
    const rules = first && "arrivals" in first ? first.stop : undefined;
    endsBeforeData(rulesOfStage(stop, rules), dataset, stopRun);
  }
}

/** Most connections that are opened before a stage. */
const MAX_CONNECTIONS = 4096;
/** How long a stage waits for them: a backend may never finish. */
const CONNECT_LIMIT_MS = 60_000;
/** Most of these for an open loop: one for each request of a second, as its latency is not known. */
const OPEN_LOOP = 256;

/**
 * Opens the connections that a stage needs when it begins. Opened by its requests, they would hold up the event loop
 * while the first answers are timed. Returns how long each took. A failure is left to the requests, which report it.
 */
async function connectBefore(
  stage: Stage,
  source: SessionSource,
  { backend, clock, signal, shard = WHOLE }: EngineOptions,
): Promise<Summary | undefined> {
  const count = "speed" in stage.arrivals
    ? Math.max(1, source.countBefore(1000 * stage.arrivals.speed))
    : shareOf(Math.min(connectionsOf(stage), MAX_CONNECTIONS), shard);
  const opening = Promise.try(() =>
    backend.connect?.(count, { clock, signal })
  );
  const times = new Column();
  const opened = untilAborted(opening, signal).then((openedMs) => {
    for (const ms of openedMs ?? []) times.add(ms);
  }, () => {});
  await settlesWithin(CONNECT_LIMIT_MS, opened, clock);
  return times.summary();
}

/** Connections that a stage needs when it begins. An open loop that does not report its rate gets one. */
function connectionsOf(stage: Stage): number {
  const { arrivals, load: { ratePerSecond }, maxInFlight = Infinity } = stage;
  if ("concurrency" in arrivals) return firstSessions(arrivals);
  const rate = Number.isFinite(ratePerSecond) ? Number(ratePerSecond) : 1;
  const { readyAhead = Math.min(Math.ceil(rate), OPEN_LOOP) } = stage;
  return Math.min(Math.max(1, readyAhead), maxInFlight);
}

/** Sessions that a closed loop starts within this time are ready when its stage begins, in milliseconds. */
const BEGINNING_MS = 1000;

/** Sessions that a closed loop begins with. */
function firstSessions({ concurrency, slots }: ClosedLoop): number {
  if (!slots) return concurrency;
  const first = slots.filter(({ fromMs }) => fromMs <= BEGINNING_MS);
  return Math.max(1, first.length);
}

/** How long a stage waits for the sessions that it begins with, once the first is ready. */
const PRIME_MS = 1000;
/** Sessions kept ready while a stage runs, and at least when it begins. */
const AHEAD = 32;

/**
 * Waits until the sessions that a stage begins with are ready, and for the first in any case. A session that is not
 * ready by then shows as schedule lag. Returns false if there is no session.
 */
async function isPrimed(
  source: SessionSource,
  { arrivals, readyAhead = 0 }: Stage,
  { clock, shard = WHOLE }: EngineOptions,
): Promise<boolean> {
  const wanted = "concurrency" in arrivals
    ? shareOf(firstSessions(arrivals), shard)
    : Math.max(AHEAD, shareOf(readyAhead, shard));
  source.keepAhead(wanted + AHEAD);
  const first = await source.next();
  if (first === undefined) return false;
  await settlesWithin(PRIME_MS, source.filled(wanted - 1), clock);
  source.putBack(first);
  return true;
}

/**
 * Items of the data that cannot be used: each counts once, however often the data is read. The listener gets none before
 * a usable item was found: without one, a single error names them all.
 */
class SkippedItems {
  readonly #options: Pick<EngineOptions, "strict" | "listener">;
  readonly #seen = new Set<string>();
  readonly #items: SkippedItem[] = [];
  #held: SkippedItem[] | undefined = [];

  constructor(options: Pick<EngineOptions, "strict" | "listener">) {
    this.#options = options;
  }

  /** The items so far. */
  result(): Skipped {
    return { count: this.#seen.size, items: this.#items };
  }

  /** Passes on the items that were held back: a usable item was found. */
  release(): void {
    const { listener } = this.#options;
    for (const { id, reason } of this.#held ?? []) listener.skip(id, reason);
    this.#held = undefined;
  }

  /** Adds an item. Throws if that ends the run. */
  add(id: string, reason: string): void {
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    if (this.#items.length < MAX_SKIPPED_NAMED) {
      this.#items.push({ id, reason });
    }
    if (this.#held && this.#seen.size >= MAX_SKIPPED_AT_FIRST) {
      throw nothingUsable(this.result());
    }
    const { strict, listener } = this.#options;
    if (strict) throw new UsageError(`"${id}" cannot be used: ${reason}`);
    if (this.#held) this.#held.push({ id, reason });
    else listener.skip(id, reason);
  }
}

type SkippedItem = Skipped["items"][number];

/** The error that no item can be used, with the reasons. */
function nothingUsable({ count, items }: Skipped): UsageError {
  if (count === 0) return new UsageError("the data has no items");
  const alike = Map.groupBy(items, ({ reason }) => reason);
  const named = [...alike].map(([reason, items]) =>
    `\n  ${reasonOf(reason, items.map(({ id }) => id))}`
  ).join("");
  const rest = count > items.length
    ? `\n  … and ${count - items.length} more`
    : "";
  return new UsageError(
    `no item of the data can be used: ${count} skipped${named}${rest}`,
  );
}

/** A reason with the first of its items. A reason that begins with the place of its item needs no other name. */
function reasonOf(reason: string, ids: readonly string[]): string {
  if (reason.startsWith(`${ids[0]}: `)) return reason;
  const others = ids.length - MAX_ALIKE_NAMED;
  const rest = others > 0 ? ` and ${others} more` : "";
  return `${ids.slice(0, MAX_ALIKE_NAMED).join(", ")}${rest}: ${reason}`;
}
