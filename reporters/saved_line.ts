import type { RunInfo, Sample, Skipped, StageReport } from "../plugins/mod.ts";

/** The first line of a file of samples: what was known when the run began. */
export interface SavedRun extends RunInfo {
  /** Format and version. */
  readonly schema: "earshot.samples/1";
}

/** One request, with everything that was observed of it. */
export interface SavedSample extends Sample {
  /** Format and version. */
  readonly schema: "earshot.sample/1";
}

/** The end of a stage: what samples do not tell of it. */
export interface SavedStage extends
  Pick<
    StageReport,
    "name" | "load" | "stop" | "window" | "stopped" | "client"
  > {
  /** Format and version. */
  readonly schema: "earshot.stage/1";
  /** Which stage, from 0. */
  readonly index: number;
  /** Arrivals that never started, and so have no sample. */
  readonly dropped: number;
}

/** The last line: a file without it was cut short. */
export interface SavedEnd {
  /** Format and version. */
  readonly schema: "earshot.end/1";
  /** Whether the run was interrupted before its end. */
  readonly interrupted: boolean;
  /** Items left out, if any. */
  readonly skipped: Skipped;
}

/** A line of a file of samples. */
export type SavedLine = SavedRun | SavedSample | SavedStage | SavedEnd;
