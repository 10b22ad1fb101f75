import { constantArrivals } from "../../core/arrivals.ts";
import type { LoadProfile, LoadRules, Stage } from "../../core/contract.ts";
import type { StageReport } from "../../core/report.ts";
import { random } from "../../lib/random.ts";

/** Returns a closed-loop profile, for tests of the engine alone. */
export function closedLoop(
  streams: readonly number[],
  spreadMs: number | undefined = 0,
): LoadProfile {
  return function* () {
    for (const concurrency of streams) {
      yield {
        name: `${concurrency} streams`,
        load: { kind: "concurrent", concurrency },
        arrivals: { concurrency, spreadMs },
      };
    }
  };
}

/** Returns an open-loop profile with even gaps, for tests of the engine alone. */
export function evenLoop(
  rates: readonly number[],
  limit: Pick<Stage, "maxInFlight"> = {},
): LoadProfile {
  return function* () {
    for (const rate of rates) {
      yield {
        name: `constant ${rate}/s`,
        load: { kind: "constant", ratePerSecond: rate, ...limit },
        arrivals: constantArrivals(rate),
        ...limit,
      };
    }
  };
}

/** Returns the stages of a profile that ignores the reports of its stages. */
export function stagesOf(
  profile: LoadProfile,
  seed = 1,
  rules: Partial<LoadRules> = {},
): Stage[] {
  const plan = profile(
    (purpose) => random(seed, purpose),
    { stop: {}, slos: [], normalizer: "basic", ...rules },
  );
  const stages: Stage[] = [];
  const report = { counts: { ok: 1 } } as StageReport;
  for (let step = plan.next(); !step.done; step = plan.next(report)) {
    stages.push(step.value);
  }
  return stages;
}
