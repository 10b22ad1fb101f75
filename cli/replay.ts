import type { NormalizerName, RunConfig } from "../core/config.ts";
import type { StageRecord } from "../core/metrics/digest.ts";
import { CutStages, Replay, type RunRecord } from "../core/replay.ts";
import { judgeSlos, parseSlos } from "../core/slo.ts";
import {
  type Report,
  type Reporter,
  type RunInfo,
  UsageError,
} from "../plugins/mod.ts";
import {
  readReport,
  readSamples,
  type SavedLine,
} from "../reporters/samples_file.ts";

/** Options of {@linkcode replay}. */
export interface ReplayOptions {
  /** Takes the place of the run's own normalizer. */
  readonly normalizer?: NormalizerName | undefined;
  /** Take the place of the run's own SLOs. */
  readonly slos?: readonly string[] | undefined;
  /** Receive the run and its samples, as while it ran. */
  readonly reporters: readonly Reporter[];
  /** Receives messages about problems that do not stop the reading. */
  warn(message: string): void;
}

/**
 * Makes the report of a run again from its samples. The file is read twice: the facts of a stage follow its samples,
 * and these are not kept. A saved report is returned as it is, or judged by other SLOs.
 *
 * @throws {UsageError} If the file holds neither, or a report where samples are needed.
 */
export async function replay(
  path: string,
  { normalizer, slos, reporters, warn }: ReplayOptions,
): Promise<Report> {
  const needsSamples = normalizer !== undefined ||
    reporters.some(({ samples, worksWithoutSamples }) =>
      samples !== undefined && !worksWithoutSamples
    );
  const saved = needsSamples ? undefined : await readReport(path);
  if (saved) return slos === undefined ? saved : judged(saved, slos);
  const changes = {
    ...(normalizer !== undefined && { normalizer }),
    ...(slos !== undefined && { slos }),
  };
  const run = await runRecord(readSamples(path, { warn }), changes);
  const again = new Replay(run);
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

/** Judges a report by other SLOs than those of its run. */
function judged(report: Report, texts: readonly string[]): Report {
  const { run, stages } = report;
  const slos = parseSlos(texts);
  return {
    ...report,
    run: { ...run, config: { ...run.config, slos: texts } },
    stages: stages.map(({ verdict, ...stage }) => ({
      ...stage,
      slo: judgeSlos(slos, stage),
      verdict,
    })),
  };
}

/** Reads the facts of a run that are saved beside its samples, and changes its configuration. */
async function runRecord(
  lines: AsyncIterable<SavedLine>,
  changes: Partial<RunConfig>,
): Promise<RunRecord> {
  const stages: StageRecord[] = [];
  const cutStages = new CutStages();
  let info: RunInfo | undefined;
  let end:
    | Pick<RunRecord, "interrupted" | "error" | "skipped" | "capacities">
    | undefined;
  for await (const line of lines) {
    switch (line.schema) {
      case "earshot.samples/2":
        info = {
          earshot: line.earshot,
          run: { ...line.run, config: { ...line.run.config, ...changes } },
        };
        break;
      case "earshot.sample/1":
        cutStages.add(line);
        break;
      case "earshot.stage/1":
        stages[line.index] = line;
        cutStages.delete(line.index);
        break;
      case "earshot.end/1":
        end = line;
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
