import type { NormalizerName } from "../core/config.ts";
import type { StageRecord } from "../core/metrics/digest.ts";
import { CutStages, Replay, type RunRecord } from "../core/replay.ts";
import {
  type Report,
  type Reporter,
  type RunInfo,
  UsageError,
} from "../plugins/mod.ts";
import { readSamples, type SavedLine } from "../reporters/samples_file.ts";

/** Options of {@linkcode replay}. */
export interface ReplayOptions {
  /** Takes the place of the run's own normalizer. */
  readonly normalizer?: NormalizerName;
  /** Receive the run and its samples, as while it ran. */
  readonly reporters: readonly Reporter[];
  /** Receives messages about problems that do not stop the reading. */
  warn(message: string): void;
}

/**
 * Makes the report of a run again from its samples. The file is read twice: the facts of a stage follow its samples,
 * and these are not kept.
 *
 * @throws {UsageError} If the file does not hold the samples of a run.
 */
export async function replay(
  path: string,
  { normalizer, reporters, warn }: ReplayOptions,
): Promise<Report> {
  const run = await runRecord(readSamples(path, { warn }));
  const again = new Replay(run, normalizer);
  for (const reporter of reporters) reporter.start?.(run.info);
  for await (const line of readSamples(path)) {
    if (line.schema !== "earshot.sample/1") continue;
    const { schema: _, ...sample } = line;
    again.add(sample);
    for (const reporter of reporters) reporter.samples?.([sample]);
  }
  const report = again.report();
  for (const stage of report.stages) {
    for (const reporter of reporters) reporter.stage?.(stage);
  }
  return report;
}

/** The facts of a run that are saved beside its samples. */
async function runRecord(lines: AsyncIterable<SavedLine>): Promise<RunRecord> {
  const stages: StageRecord[] = [];
  const cutStages = new CutStages();
  let info: RunInfo | undefined;
  let end: Pick<RunRecord, "interrupted" | "skipped"> | undefined;
  for await (const line of lines) {
    switch (line.schema) {
      case "earshot.samples/2":
        info = { earshot: line.earshot, run: line.run };
        break;
      case "earshot.sample/1":
        cutStages.add(line);
        break;
      case "earshot.stage/1":
        stages[line.index] = line;
        cutStages.delete(line.index);
        break;
      case "earshot.end/1":
        end = { interrupted: line.interrupted, skipped: line.skipped };
    }
  }
  if (!info) throw new UsageError("the samples do not describe their run");
  for (const [index, stage] of cutStages.records()) stages[index] = stage;
  return {
    info,
    stages,
    ...(end ?? { interrupted: true, skipped: { count: 0, items: [] } }),
  };
}
