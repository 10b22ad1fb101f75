import { Digest, type StageRecord, stageReport } from "./metrics/digest.ts";
import { sharesPrefixes } from "./notes/cached_prompts.ts";
import type { Report, RunInfo, Skipped } from "./report.ts";
import type { Capacity } from "./run_results.ts";
import type { Sample } from "./sample.ts";
import { summarizeRepeats } from "./repeats.ts";
import { parseSlos, type Slo } from "./slo.ts";

/** The facts of a run that its samples do not give. */
export interface RunRecord {
  readonly info: RunInfo;
  readonly stages: readonly StageRecord[];
  readonly interrupted: boolean;
  readonly error?: string | undefined;
  readonly skipped: Skipped;
  readonly capacities?: readonly Capacity[] | undefined;
}

/** Makes the report of a run from its saved samples: the same report as that of the run, byte for byte. */
export class Replay {
  readonly #run: RunRecord;
  readonly #slos: readonly Slo[];
  readonly #digests: readonly Digest[];

  constructor(run: RunRecord) {
    const { config } = run.info.run;
    this.#run = run;
    this.#slos = parseSlos(config.slos);
    this.#digests = run.stages.map((stage) => {
      const { stageStartMs, startMs, endMs } = stage.window;
      const { durationMs = Infinity } = { ...config.stop, ...stage.stop };
      return new Digest({
        stageStartMs,
        startMs,
        endMs: endsWithLastRequest(stage) ? startMs + durationMs : endMs,
        normalizer: config.normalizer,
        slos: this.#slos,
      });
    });
  }

  /** Adds a sample. A sample of a stage without a record is ignored. */
  add(sample: Sample): void {
    this.#digests[sample.stage]?.add(sample);
  }

  /** Returns the report of the samples so far. */
  report(): Report {
    const { info: { earshot, run }, capacities, skipped } = this.#run;
    const { interrupted, error } = this.#run;
    const stages = this.#run.stages.map((stage, i) =>
      stageReport(this.#digests[i]!, stage, {
        slos: this.#slos,
        maxClientShare: run.config.maxClientShare,
        minSamples: run.config.minSamples,
        sharesPrefixes: sharesPrefixes(run.facts.data),
      })
    );
    const repeats = summarizeRepeats(stages);
    return {
      schema: "earshot.report/2",
      ...(capacities && { capacities }),
      earshot,
      run,
      ...(repeats.length > 0 && { repeats }),
      stages,
      skipped,
      interrupted,
      ...(error !== undefined && { error }),
    };
  }
}

/** Whether the end of a window was not known before the last of its requests had ended. */
function endsWithLastRequest(
  { stopped, stopCause, window: { cooldownMs } }: StageRecord,
): boolean {
  return (stopped === "requests" || stopped === "data") &&
    stopCause === undefined && cooldownMs === undefined;
}

/** Makes records of stages whose end was never saved, as the run was killed, from their samples. */
export class CutStages {
  /** The times of each stage, as its samples show them. */
  readonly #spans = new Map<
    number,
    {
      stageStartMs: number;
      startMs: number;
      endMs: number;
      /** When its cool-down began, if it did. */
      cooldownMs: number;
    }
  >();

  /** Adds a sample. */
  add({ stage, phase, scheduledMs, endedMs }: Sample): void {
    const span = this.#spans.get(stage) ?? {
      stageStartMs: scheduledMs,
      startMs: Infinity,
      endMs: endedMs,
      cooldownMs: Infinity,
    };
    span.stageStartMs = Math.min(span.stageStartMs, scheduledMs);
    if (phase === "measure") span.startMs = Math.min(span.startMs, scheduledMs);
    if (phase === "cooldown") {
      span.cooldownMs = Math.min(span.cooldownMs, scheduledMs);
    }
    span.endMs = Math.max(span.endMs, endedMs);
    this.#spans.set(stage, span);
  }

  /** Drops a stage whose end was saved. */
  delete(stage: number): void {
    this.#spans.delete(stage);
  }

  /** The stages left, each with its index. */
  *records(): Iterable<[index: number, StageRecord]> {
    for (const [index, span] of this.#spans) {
      const { stageStartMs, startMs, cooldownMs } = span;
      const endMs = Math.min(span.endMs, cooldownMs);
      const fromMs = Math.min(startMs, endMs);
      yield [index, {
        name: `stage ${index + 1}, cut short`,
        load: {},
        window: {
          stageStartMs,
          startMs: fromMs,
          endMs,
          warmupMs: fromMs - stageStartMs,
        },
        stopped: "interrupted",
        client: {},
        dropped: 0,
      }];
    }
  }
}
