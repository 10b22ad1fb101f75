import { isUsageError } from "../../core/errors.ts";
import type { StopRules } from "../../core/config.ts";
import type {
  ClosedLoop,
  LoadProfile,
  LoadRules,
  LoopSlot,
  Stage,
} from "../../core/contract.ts";
import type { StageReport } from "../../core/report.ts";
import { parseSlos } from "../../core/slo.ts";
import { random } from "../../lib/random.ts";
import type { Configured } from "../plugin.ts";
import {
  must,
  mustBeCount,
  mustBeName,
  mustBePlain,
  mustBeSame,
  outcomeOf,
  Suite,
  type SuiteOptions,
} from "./checks.ts";
import { stageOf, testRun } from "./reporter.ts";

/** Options of {@linkcode testLoad}. */
export interface LoadSuiteOptions extends SuiteOptions {
  /** The same load with invalid options; opening each one must fail. @default {[]} */
  readonly invalid?: readonly Configured<"load">[];
  /** Returns the report that the profile receives for a stage. @default A stage in which every request succeeded */
  readonly report?: (stage: Stage) => StageReport;
  /** Stop rules of the run. @default {{}} */
  readonly stop?: StopRules;
  /** Objectives of the run, such as `ttft.p95<200ms`. @default {[]} */
  readonly slos?: readonly string[];
  /** Number of stages that are read at most. @default {20} */
  readonly maxStages?: number;
  /** Number of start times or slots that are read at most in each stage. @default {1000} */
  readonly maxArrivals?: number;
}

/**
 * Registers a test for every promise that a load makes.
 *
 * @example Usage
 * ```ts ignore
 * import { testLoad } from "@earshot/earshot/testing";
 * import mine from "./mine.ts";
 *
 * testLoad(mine({ rates: [1, 2] }), { invalid: [mine({ rates: [0] })] });
 * ```
 */
export function testLoad(
  plugin: Configured<"load">,
  options: LoadSuiteOptions = {},
): void {
  const { invalid = [] } = options;
  const suite = new Suite(plugin, options);
  suite.check("rejects invalid options", async () => {
    for (const load of invalid) {
      const opening = new Suite(load, options).use(() => {});
      const result = await outcomeOf(opening, "open()");
      const isRejected = "error" in result && isUsageError(result.error);
      const rule = "invalid options must be rejected with a UsageError";
      must(isRejected, rule, load.options);
    }
  });
  suite.check(
    "yields at least one stage, described in plain data",
    (profile) => {
      const { stages } = readStages(profile, options);
      for (const { name, load } of stages) {
        mustBeName(name, "name");
        mustBePlain(load, "load");
      }
    },
  );
  suite.check("starts requests at ascending, finite times", (profile) => {
    readStages(profile, options).stages.forEach(mustBeOffered);
  });
  suite.check("yields the same stages for the same seed", async (profile) => {
    const first = readStages(profile, options);
    const compare = (other: LoadProfile) =>
      mustBeSame(readStages(other, options).texts, first.texts, {
        rule: "the same seed must yield the same stages",
        item: "stage",
      });
    compare(profile);
    await suite.use(compare);
  });
  suite.check("takes every random number from the seed", (profile) => {
    const one = readStages(profile, options, 1);
    const other = readStages(profile, options, 2);
    const isSame = one.texts.join() === other.texts.join();
    must(
      one.isRandom !== isSame,
      one.isRandom
        ? "a load that draws random numbers must differ for another seed"
        : "a load that draws no random numbers must be the same for every seed",
    );
  });
  suite.check("stops when the run ends early", (profile) => {
    const plan = profile((purpose) => random(1, purpose), rulesOf(options));
    plan.next();
    plan.return();
    must(plan.next().done, "a load must yield no stage after return()");
  });
}

function rulesOf({ stop = {}, slos = [] }: LoadSuiteOptions): LoadRules {
  return { stop, slos: parseSlos(slos), normalizer: "basic" };
}

/** A stage with the first of its start times, or of the slots of its closed loop. */
interface ReadStage extends Stage {
  readonly startsMs: readonly number[];
  readonly slots: readonly ReadSlot[];
}

/** A slot with the first of its think times. */
interface ReadSlot extends LoopSlot {
  readonly thinkTimes: readonly number[];
}

interface ReadLoad {
  readonly stages: readonly ReadStage[];
  /** The stages as text, by which they are compared. */
  readonly texts: readonly string[];
  /** Whether the profile draws random numbers. */
  readonly isRandom: boolean;
}

/** Reads the stages of a profile. */
function readStages(
  profile: LoadProfile,
  options: LoadSuiteOptions,
  seed = 1,
): ReadLoad {
  const { report = succeeded, maxStages = 20, maxArrivals = 1000 } = options;
  let isRandom = false;
  const plan = profile((purpose) => {
    const draw = random(seed, purpose);
    return () => {
      isRandom = true;
      return draw();
    };
  }, rulesOf(options));
  const stages: ReadStage[] = [];
  let step = plan.next();
  while (!step.done && stages.length < maxStages) {
    const stage = step.value;
    stages.push({
      ...stage,
      startsMs: readStarts(stage, maxArrivals),
      slots: readSlots(stage, maxArrivals),
    });
    step = plan.next(report(stage));
  }
  plan.return();
  const texts = stages.map((each) => JSON.stringify(each));
  return { stages, texts, isRandom };
}

function readStarts({ arrivals }: Stage, max: number): number[] {
  const startsMs: number[] = [];
  if (!(Symbol.iterator in arrivals)) return startsMs;
  for (const atMs of arrivals) {
    startsMs.push(atMs);
    if (startsMs.length === max) break;
  }
  return startsMs;
}

/** Think times that are read of each slot. */
const MAX_THINK_TIMES = 10;

function readSlots({ arrivals }: Stage, max: number): ReadSlot[] {
  if (!("concurrency" in arrivals)) return [];
  return (arrivals.slots ?? []).slice(0, max).map((slot) => ({
    ...slot,
    thinkTimes: [...Iterator.from(slot.thinkTimes ?? []).take(MAX_THINK_TIMES)],
  }));
}

function succeeded({ name, load }: Stage): StageReport {
  const [answered] = testRun().samples;
  return { ...stageOf([answered!]), name, load };
}

/** Checks the load that a stage offers. */
function mustBeOffered(
  { arrivals, startsMs, slots, maxInFlight = Infinity, readyAhead = 1 }:
    ReadStage,
): void {
  if (maxInFlight !== Infinity) mustBeCount(maxInFlight, "maxInFlight");
  mustBeCount(readyAhead, "readyAhead");
  if ("concurrency" in arrivals) return mustBeClosedLoop(arrivals, slots);
  if ("speed" in arrivals) {
    const { speed } = arrivals;
    const isSpeed = speed > 0 && speed < Infinity;
    return must(isSpeed, "speed must be a number above 0", speed);
  }
  must(startsMs.length > 0, "a stage must start at least one request");
  for (const [i, atMs] of startsMs.entries()) {
    const isNext = atMs >= (startsMs[i - 1] ?? 0) && atMs < Infinity;
    const rule = `start times must be finite and ascend from 0: number ${i}`;
    must(isNext, rule, atMs);
  }
}

function mustBeClosedLoop(
  { concurrency, slots: all }: ClosedLoop,
  slots: readonly ReadSlot[],
): void {
  mustBeCount(concurrency, "concurrency");
  if (all) must(all.length > 0, "a closed loop must have at least one slot");
  for (
    const [i, { fromMs, untilMs = Infinity, thinkTimes }] of slots.entries()
  ) {
    const isNext = fromMs >= (slots[i - 1]?.fromMs ?? 0) && fromMs < Infinity;
    const rule =
      `slots must start at finite times that ascend from 0: number ${i}`;
    must(isNext, rule, fromMs);
    must(untilMs > fromMs, `slot ${i} must end after it has started`, untilMs);
    const open = slots.slice(0, i).filter((before) =>
      (before.untilMs ?? Infinity) > fromMs
    );
    must(
      open.length < concurrency,
      `the slots that are open at ${fromMs} ms must be at most ${concurrency}`,
      open.length + 1,
    );
    for (const ms of thinkTimes) {
      const isTime = ms >= 0 && ms < Infinity;
      must(isTime, `think times must be finite, from 0: slot ${i}`, ms);
    }
  }
}
