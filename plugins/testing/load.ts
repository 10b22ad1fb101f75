import { isUsageError } from "../../core/errors.ts";
import type { LoadProfile, Stage } from "../../core/contract.ts";
import type { StageReport } from "../../core/report.ts";
import { random } from "../../lib/random.ts";
import type { Configured } from "../plugin.ts";
import {
  type Check,
  checkMaker,
  contextOf,
  limitsOf,
  must,
  mustBePlain,
  outcomeOf,
  register,
  type SuiteOptions,
  within,
} from "./checks.ts";
import { stageOf, testRun } from "./reporter.ts";

/** Options of {@linkcode testLoad}. */
export interface LoadSuiteOptions extends SuiteOptions {
  /** The same load with invalid options; opening each one must fail. @default {[]} */
  readonly invalid?: readonly Configured<"load">[];
  /** Returns the report that the profile receives for a stage. @default A stage in which every request succeeded */
  readonly report?: (stage: Stage) => StageReport;
  /** Number of stages that are read at most. @default {20} */
  readonly maxStages?: number;
  /** Number of start times that are read at most in each stage. @default {1000} */
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
  register(loadChecks(plugin, options), options);
}

/** Returns the checks of {@linkcode testLoad}, for code that registers them itself. */
export function loadChecks(
  plugin: Configured<"load">,
  options: LoadSuiteOptions = {},
): Check[] {
  const { invalid = [], env } = options;
  const { timeoutMs } = limitsOf(options);
  const open = (load: Configured<"load">) =>
    within(load.open(contextOf(env)), timeoutMs, "open()");
  const check = checkMaker(plugin, options);
  return [
    check("rejects invalid options", async () => {
      for (const load of invalid) {
        const result = await outcomeOf(open(load), "open()");
        must(
          "error" in result && isUsageError(result.error),
          "invalid options must be rejected with a UsageError",
          load.options,
        );
      }
    }),
    check("yields at least one stage, described in plain data", (profile) => {
      const { stages } = readStages(profile, options);
      for (const { name, load } of stages) {
        must(
          typeof name === "string" && name !== "",
          "name must be a string that is not empty",
          name,
        );
        mustBePlain(load, "load");
      }
    }),
    check("starts requests at ascending, finite times", (profile) => {
      readStages(profile, options).stages.forEach(mustBeOffered);
    }),
    check("yields the same stages for the same seed", async (profile) => {
      const first = readStages(profile, options).stages;
      const rule = "the same seed must yield the same stages";
      mustBeEqual(readStages(profile, options).stages, first, rule);
      const twin = await open(plugin);
      mustBeEqual(readStages(twin, options).stages, first, rule);
    }),
    check("takes every random number from the seed", (profile) => {
      const one = readStages(profile, options, 1);
      const other = readStages(profile, options, 2);
      must(
        one.isRandom !== isEqual(one.stages, other.stages),
        one.isRandom
          ? "a load that draws random numbers must differ for another seed"
          : "a load that draws no random numbers must be the same for every seed",
      );
    }),
    check("stops when the run ends early", (profile) => {
      const plan = profile((purpose) => random(1, purpose));
      plan.next();
      plan.return();
      must(plan.next().done, "a load must yield no stage after return()");
    }),
  ];
}

/** A stage with the first of its start times. */
interface ReadStage extends Stage {
  readonly startsMs: readonly number[];
}

/** Reads the stages of a profile, and whether it draws random numbers. */
function readStages(
  profile: LoadProfile,
  { report = succeeded, maxStages = 20, maxArrivals = 1000 }: LoadSuiteOptions,
  seed = 1,
): { stages: ReadStage[]; isRandom: boolean } {
  let isRandom = false;
  const plan = profile((purpose) => {
    const draw = random(seed, purpose);
    return () => {
      isRandom = true;
      return draw();
    };
  });
  const stages: ReadStage[] = [];
  let step = plan.next();
  while (!step.done && stages.length < maxStages) {
    const stage = step.value;
    stages.push({ ...stage, startsMs: readStarts(stage, maxArrivals) });
    step = plan.next(report(stage));
  }
  plan.return();
  return { stages, isRandom };
}

function readStarts({ arrivals }: Stage, max: number): number[] {
  const startsMs: number[] = [];
  if ("concurrency" in arrivals) return startsMs;
  for (const atMs of arrivals) {
    startsMs.push(atMs);
    if (startsMs.length === max) break;
  }
  return startsMs;
}

function succeeded({ name, load }: Stage): StageReport {
  const [answered] = testRun().samples;
  return { ...stageOf([answered!]), name, load };
}

/** Checks the load that a stage offers. */
function mustBeOffered({ arrivals, startsMs, maxInFlight }: ReadStage): void {
  must(
    maxInFlight === undefined || maxInFlight === Infinity ||
      Number.isInteger(maxInFlight) && maxInFlight > 0,
    "maxInFlight must be a whole number above 0",
    maxInFlight,
  );
  if ("concurrency" in arrivals) {
    const { concurrency } = arrivals;
    must(
      Number.isInteger(concurrency) && concurrency > 0,
      "concurrency must be a whole number above 0",
      concurrency,
    );
    return;
  }
  must(startsMs.length > 0, "a stage must start at least one request");
  for (const [i, atMs] of startsMs.entries()) {
    must(
      atMs >= (startsMs[i - 1] ?? 0) && atMs < Infinity,
      `start times must be finite and ascend from 0: number ${i}`,
      atMs,
    );
  }
}

function mustBeEqual(
  here: readonly ReadStage[],
  there: readonly ReadStage[],
  rule: string,
): void {
  must(
    here.length === there.length,
    `${rule}, but ${here.length} and ${there.length} stages were read`,
  );
  const at = here.findIndex((stage, i) => !isEqual(stage, there[i]));
  must(at < 0, `${rule}, but stage ${at} differs`);
}

/** Compares by value; arrivals are compared by the start times that were read. */
function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
