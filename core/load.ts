import type { Random } from "../lib/random.ts";
import type { StageReport } from "./report.ts";

/** A part of a run with one load setting. */
export interface Stage {
  /** Name for people: `8 streams`, `poisson 200/s`. */
  readonly name: string;
  /** Setting for the report: `{ kind: "concurrent", concurrency: 8 }`. */
  readonly load: Readonly<Record<string, unknown>>;
  /**
   * Open loop: ascending start times in milliseconds from the start of the stage. Closed loop: number of sessions in
   * flight.
   */
  readonly arrivals: Iterable<number> | { readonly concurrency: number };
  /** Open loop: arrivals beyond this many requests in flight are dropped and counted. @default {Infinity} */
  readonly maxInFlight?: number;
}

/**
 * Generator of the stages of a run. `yield` returns the report of the stage that has just ended, with its metrics and
 * its SLO results, so that the next stage may depend on it.
 *
 * @param stream Returns the random number generator for a purpose, derived from the seed of the run.
 */
export type LoadProfile = (
  stream: (purpose: string) => Random,
) => Generator<Stage, void, StageReport>;
