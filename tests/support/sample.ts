import type { Sample } from "../../core/sample.ts";

/** A sample for tests: dispatched at 0, ended at 1000, without output, unless parts say otherwise. */
export function sample(parts: Partial<Sample> = {}): Sample {
  return {
    id: 0,
    session: { id: "session", turn: 0 },
    stage: 0,
    phase: "measure",
    input: {},
    scheduledMs: 0,
    dispatchedMs: 0,
    marks: {},
    reads: { count: 0, bytes: 0 },
    deltas: [],
    audioSent: [],
    output: {},
    endedMs: 1000,
    outcome: { status: "ok" },
    ...parts,
  };
}
