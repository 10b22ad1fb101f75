import { z } from "zod";
import {
  constantArrivals,
  type LoadRules,
  type LoopSlot,
  poissonArrivals,
  type Random,
  rescaledArrivals,
  type Stage,
  UsageError,
} from "../plugins/mod.ts";
import { MAX_STREAMS, maxInFlight, shownTime } from "./options.ts";

/** Options of the loads whose level changes within a stage, `ramp` and `steps`. */
export interface LevelOptions {
  /** Unit of a level: requests a second, or sessions in flight. @default {"rate"} */
  of?: "rate" | "concurrency" | undefined;
  /** Of rates: whether starts are independent or evenly spaced. @default {"poisson"} */
  process?: "poisson" | "constant" | undefined;
  /** Of rates: arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  maxInFlight?: number | undefined;
}

/** Schemas of {@linkcode LevelOptions}. */
export const levelOptions = {
  of: z.enum(["rate", "concurrency"]).default("rate").describe(
    "Unit of a level: requests a second, or sessions in flight",
  ),
  process: z.enum(["poisson", "constant"]).optional().describe(
    "Of rates: independent or evenly spaced starts; poisson unless given",
  ),
  maxInFlight,
};

/** Longest time over which sessions start that are due together, in milliseconds. */
const SPREAD_MS = 1000;

/** Part of a ramp or step over which such sessions start at most. */
const SPREAD_SHARE = 1 / 20;

/** Time over which sessions start that are due together: they would wait for each other in this client. */
export function spreadOver(lengthMs: number): number {
  return Math.min(SPREAD_MS, lengthMs * SPREAD_SHARE);
}

/** Adds an issue for each option that does not fit the unit of the levels. */
export function checkLevels(
  options: LevelOptions,
  levels: readonly (readonly [path: PropertyKey[], level: number])[],
  { addIssue }: Pick<z.RefinementCtx, "addIssue">,
): void {
  if (options.of !== "concurrency") return;
  const add = (path: PropertyKey[], rule: string) =>
    addIssue({
      code: "custom",
      path,
      message: `must be ${rule} where of is concurrency`,
    });
  for (const [path, level] of levels) {
    if (!Number.isInteger(level)) add(path, "a whole number");
    else if (level > MAX_STREAMS) add(path, `at most ${MAX_STREAMS}`);
  }
  for (const name of ["process", "maxInFlight"] as const) {
    if (options[name] !== undefined) add([name], "left out");
  }
}

/** A schedule that a stage follows. */
export interface Schedule {
  readonly kind: string;
  /** Name of the stage. */
  readonly name: string;
  /** Facts of the load for the report. */
  readonly facts: Stage["load"];
  /** Length, in milliseconds. Afterwards the last level holds. */
  readonly lengthMs: number;
  /** Inverse of the cumulative rate: the time in milliseconds by which a number of requests is expected. */
  timeOf(requests: number): number;
  /** Slots of a closed loop, in the order of their starts. */
  slots(): readonly LoopSlot[];
  /** Of a closed loop: the most sessions in flight. */
  readonly most: number;
}

/** Returns the stage that follows a schedule; it ends with it, unless the run has a duration or a number of requests. */
export function stageOf(
  { of, process = "poisson", maxInFlight }: LevelOptions,
  schedule: Schedule,
  { random, stop }: { random: Random; stop: LoadRules["stop"] },
): Stage {
  const { kind, facts, timeOf, lengthMs } = schedule;
  const end = endOf(kind, lengthMs, stop);
  if (of === "concurrency") {
    return {
      name: schedule.name,
      load: { kind, of, ...facts },
      arrivals: { concurrency: schedule.most, slots: schedule.slots() },
      ...end,
    };
  }
  const limit = maxInFlight === undefined ? {} : { maxInFlight };
  const unit = process === "poisson"
    ? poissonArrivals(1, random)
    : constantArrivals(1);
  return {
    name: schedule.name,
    load: { kind, of: "rate", process, ...facts, ...limit },
    arrivals: rescaledArrivals(unit, timeOf),
    ...limit,
    ...end,
  };
}

/** The stage's own rule for its end. The measured window begins after the warm-up. */
function endOf(
  kind: string,
  lengthMs: number,
  { durationMs, requests, warmupMs = 0 }: LoadRules["stop"],
): Pick<Stage, "stop"> {
  if (durationMs !== undefined || requests !== undefined) return {};
  if (warmupMs < lengthMs) return { stop: { durationMs: lengthMs - warmupMs } };
  throw new UsageError(
    `${kind}: its ${
      shownTime(lengthMs)
    } must be longer than the warm-up, but that was ${shownTime(warmupMs)}`,
  );
}
