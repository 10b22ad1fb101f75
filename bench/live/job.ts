import type { ScenarioName } from "../http/scenario.ts";

/** View of the run. */
export type ViewName = "terminal" | "page";

/** Argument of a client process. */
export interface LiveJob {
  readonly view: ViewName;
  readonly scenario: Exclude<ScenarioName, "paced">;
  /** `http://127.0.0.1:port` */
  readonly target: string;
  readonly warmupMs: number;
  /** Number of pairs of stages, one with the view and one without. */
  readonly pairs: number;
}

/** Length of a stage: short, so that a busy machine is as busy in both stages of a pair. */
export const STAGE_MS = 5000;

/** Figures of a stage. */
export interface StageFigures {
  readonly requestsPerSecond: number;
  /** Processor time of the process ÷ number of requests. */
  readonly cpuMicrosPerRequest: number;
  /** Longest time for which the event loop was held up. */
  readonly loopDelayMs: number;
}

/** Two stages, one after another. */
export interface Pair {
  readonly on: StageFigures;
  readonly off: StageFigures;
}
