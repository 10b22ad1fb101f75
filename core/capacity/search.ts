import { seconds } from "../../lib/units.ts";
import type { Random } from "../../lib/random.ts";
import { constantArrivals, poissonArrivals } from "../arrivals.ts";
import type { LoadRules, Stage } from "../contract.ts";
import { RunEnded, UsageError } from "../errors.ts";
import type { StageReport } from "../report.ts";
import type { Capacity, CapacityLevel } from "../run_results.ts";
import type { Slo } from "../slo.ts";
import { Bracket, MAX_LEVELS } from "./bracket.ts";
import { LevelJudge } from "./level_judge.ts";
import { sloTest } from "./slo_tests.ts";

/** Options of {@linkcode searchCapacity}. */
export interface SearchOptions {
  /** Whether levels are requests per second or sessions in flight. */
  readonly of: "rate" | "concurrency";
  /** First level. */
  readonly from: number;
  /** Highest level. */
  readonly max: number;
  /** Arrivals of a level of a rate. */
  readonly process: "poisson" | "constant";
  /** Width of the interval at which the search ends: 0.1 for high ÷ low ≤ 1.1. */
  readonly tolerance: number;
  /** Longest time for which a level is measured, in milliseconds. */
  readonly levelTimeMs: number;
  /** Longest time of the search, in milliseconds. */
  readonly maxTimeMs: number;
  /** Idle time before each level, in milliseconds. */
  readonly settleMs: number;
}

/** Probability with which the interval that a search states may be wrong. */
const ERROR = 0.05;
/** Load offered before a level is measured, in milliseconds, if the run and the latency do not ask for more. */
const MIN_WARMUP_MS = 5000;
/** Shortest time for which a level is held before it is decided, in milliseconds. */
const MIN_HOLD_MS = 20_000;
/**
 * The same as a multiple of the largest limit of a latency: above the capacity by a factor f, a queue takes
 * limit ÷ (f − 1) to reach the limit, which is 20 limits for 5 %.
 */
const HOLD_LIMITS = 20;

/**
 * Searches for the highest level at which a server keeps every SLO, and returns the interval in which it lies. Each
 * level is a stage that ends as soon as it is decided.
 *
 * @throws {UsageError} If there is no SLO, or one cannot decide a level.
 */
export function* searchCapacity(
  options: SearchOptions,
  stream: (purpose: string) => Random,
  rules: LoadRules,
): Generator<Stage, Capacity, StageReport> {
  const { slos } = rules;
  if (slos.length === 0) {
    throw new UsageError(
      "search needs an objective to keep: add an SLO such as --slo 'ttft.p95<200ms'",
    );
  }
  if (rules.stop.requests !== undefined) {
    throw new UsageError(
      "search cannot have a number of requests: a level ends when it is decided, or after levelTime",
    );
  }
  const bracket = new Bracket({ ...options, isWhole: options.of !== "rate" });
  const levels: CapacityLevel[] = [];
  let ended: string | undefined;
  let last: StageReport | undefined;
  let startMs: number | undefined;

  for (
    let level = bracket.next();
    level !== undefined;
    level = bracket.next()
  ) {
    const spentMs = last ? last.window.endMs - startMs! : 0;
    const leftMs = options.maxTimeMs - spentMs - options.settleMs;
    const warmupMs = warmupMsOf(options, rules, last);
    if (leftMs <= warmupMs) {
      ended = `maxTime of ${seconds(options.maxTimeMs)} was spent`;
      break;
    }
    const times = {
      warmupMs,
      durationMs: Math.min(
        options.levelTimeMs * 2 ** bracket.timesUndecided(level),
        leftMs - warmupMs,
      ),
    };
    const tests = slos.map((slo) => sloTest(slo, rules));
    const judge = new LevelJudge({
      tests,
      error: ERROR / MAX_LEVELS,
      holdMs: Math.min(holdMsOf(slos), options.levelTimeMs),
      isOpenLoop: options.of === "rate",
    });
    let report: StageReport;
    try {
      report = yield {
        ...offered(options, level, () => stream(`level ${levels.length}`)),
        stop: times,
        settleMs: options.settleMs,
        continuesData: true,
        monitor: judge,
      };
    } catch (error) {
      if (!(error instanceof RunEnded)) throw error;
      ended = error.message;
      break;
    }
    startMs ??= report.window.stageStartMs;
    last = report;
    if (isCutOff(report)) {
      ended = report.stopped === "interrupted"
        ? "the run was interrupted"
        : "a stop rule of the run ended it";
      const { stage } = judge;
      const reason = "cut off by the end of the run";
      levels.push({ level, stage, outcome: "undecided", reason });
      break;
    }
    const decision = judge.finish(report);
    bracket.record(level, decision.outcome);
    levels.push({ level, ...decision });
    const unknown = tests.find(({ hasValues }) => !hasValues);
    if (unknown && report.counts.ok > 0) {
      ended = `no request has a value of ${unknown.slo.metric}`;
      break;
    }
  }
  ended ??= reasonOf(bracket, levels, options);
  return {
    of: options.of,
    ...interval(bracket, levels),
    confidence: 1 - ERROR,
    slos: slos.map(({ text }) => text),
    levels,
    ...(ended !== undefined && { ended }),
  };
}

/** Whether the run ended before the level did. */
function isCutOff({ stopped, stopCause }: StageReport): boolean {
  return stopped === "interrupted" || stopCause?.scope === "run";
}

/** The load of a level. */
function offered(
  { of, process: kind }: SearchOptions,
  level: number,
  stream: () => Random,
): Pick<Stage, "name" | "load" | "arrivals"> {
  if (of === "concurrency") {
    return {
      name: `search ${level} ${level === 1 ? "stream" : "streams"}`,
      load: { kind: "search", concurrency: level },
      arrivals: { concurrency: level },
    };
  }
  return {
    name: `search ${level}/s`,
    load: { kind: "search", process: kind, ratePerSecond: level },
    arrivals: kind === "poisson"
      ? poissonArrivals(level, stream())
      : constantArrivals(level),
  };
}

/** Twice the last p95 latency, as the requests of a level are then answered beside others of the level. */
function warmupMsOf(
  { levelTimeMs }: SearchOptions,
  { stop: { warmupMs = 0 } }: LoadRules,
  last: StageReport | undefined,
): number {
  const latencyMs = last?.metrics.latency?.p95 ?? 0;
  return Math.max(
    warmupMs,
    Math.min(levelTimeMs, Math.max(MIN_WARMUP_MS, Math.ceil(2 * latencyMs))),
  );
}

function holdMsOf(slos: readonly Slo[]): number {
  const limits = slos.flatMap(({ unit, limit, operator }) =>
    unit === "ms" && operator.startsWith("<") ? [limit] : []
  );
  return Math.max(MIN_HOLD_MS, HOLD_LIMITS * Math.max(0, ...limits));
}

/** The answer of a search as far as it went. */
function interval(
  bracket: Bracket,
  levels: readonly CapacityLevel[],
): Pick<Capacity, "status" | "low" | "high"> {
  const { low, high } = bracket;
  const isDecided = levels.some(({ outcome }) => outcome === "pass") ||
    high !== undefined;
  const status = bracket.isContradictory
    ? "not-monotone"
    : !isDecided
    ? "undecided"
    : low === undefined
    ? "below"
    : high === undefined
    ? "at-least"
    : "found";
  return {
    status,
    ...(low !== undefined && { low }),
    ...(high !== undefined && { high }),
  };
}

/** Why a search ended before its interval was narrow. */
function reasonOf(
  bracket: Bracket,
  levels: readonly CapacityLevel[],
  { max, of }: SearchOptions,
): string | undefined {
  const { low = 0, high, unconfirmed } = bracket;
  if (bracket.isContradictory) {
    return "repeated levels contradicted their first results twice";
  }
  if (bracket.isDead) {
    const { level, reason } = levels.at(-1)!;
    return `no request succeeded at ${shown(level, of)}: ${reason}`;
  }
  if (bracket.isSpent) return `${MAX_LEVELS} levels were tried`;
  if (unconfirmed.length > 0) {
    return `the repetition of ${
      unconfirmed.map((level) => shown(level, of)).join(" and ")
    } decided nothing`;
  }
  if (high !== undefined) return undefined;
  const open = levels.findLast(({ outcome }) => outcome === "undecided");
  if (low === 0 && open) {
    return `no level was decided in its time; at ${
      shown(open.level, of)
    }: ${open.reason}`;
  }
  const limited = levels.find(({ level, outcome }) =>
    outcome === "client-limited" && level > low
  );
  if (limited) {
    return `this client was the limit at ${shown(limited.level, of)}`;
  }
  return low === max
    ? `the highest level, ${shown(max, of)}, was kept`
    : undefined;
}

/** A level with its unit. */
function shown(level: number, of: SearchOptions["of"]): string {
  return of === "rate" ? `${level} requests/s` : `${level} streams`;
}
