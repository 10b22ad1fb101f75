import { digest } from "../core/metrics/digest.ts";
import { type NormalizerName, normalizers } from "../core/quality/normalize.ts";
import { parseSlos } from "../core/slo.ts";
import { stageReport } from "../core/stage_report.ts";
import {
  type Report,
  type Reporter,
  type RunInfo,
  type Sample,
  type Skipped,
  UsageError,
} from "../plugins/mod.ts";
import { readSamples } from "../reporters/samples_file.ts";
import type { SavedLine, SavedStage } from "../reporters/saved_line.ts";

/** How saved samples are looked at again. */
export interface ReplayOptions {
  /** In place of the run's own. */
  readonly normalizer?: NormalizerName;
  /** Told of the run and its samples, as while it ran. */
  readonly reporters: readonly Reporter[];
  /** Told what does not stop it. */
  warn(message: string): void;
}

/** What a file says beside its samples. */
interface Frame {
  readonly info: RunInfo;
  readonly stages: readonly Omit<SavedStage, "schema">[];
  readonly interrupted: boolean;
  readonly skipped: Skipped;
}

/**
 * Makes the report of a run again from its samples. The file is read twice: what is known of a stage stands behind
 * its samples, and these are not kept.
 *
 * @throws {UsageError} If it is no such file.
 */
export async function replay(
  path: string,
  { normalizer, reporters, warn }: ReplayOptions,
): Promise<Report> {
  const frame = await frameOf(readSamples(path, { warn }));
  const used = normalizer ?? knownNormalizer(frame.info.run.config.normalizer);
  const { stop: { durationMs }, slo = [] } = frame.info.run.config;
  const slos = parseSlos(slo);
  const sums = frame.stages.map(({ window: { startMs } }) =>
    digest({
      startMs,
      ...(durationMs !== undefined && { endMs: startMs + durationMs }),
      normalizer: used,
    })
  );
  for (const reporter of reporters) reporter.start?.(frame.info);
  for await (const line of readSamples(path)) {
    if (line.schema !== "earshot.sample/1") continue;
    const { schema: _, ...sample } = line;
    sums[sample.stage]?.add(sample);
    for (const reporter of reporters) reporter.samples?.([sample]);
  }
  const stages = frame.stages.map((stage, i) =>
    stageReport(sums[i]!, { ...stage, health: healthOf(stage) }, slos)
  );
  for (const stage of stages) {
    for (const reporter of reporters) reporter.stage?.(stage);
  }
  const { earshot, run } = frame.info;
  return {
    schema: "earshot.report/1",
    earshot,
    run: { ...run, config: { ...run.config, normalizer: used } },
    stages,
    skipped: frame.skipped,
    interrupted: frame.interrupted,
  };
}

async function frameOf(lines: AsyncIterable<SavedLine>): Promise<Frame> {
  const stages: Omit<SavedStage, "schema">[] = [];
  const cutShort = new Map<number, Span>();
  let info: RunInfo | undefined;
  let end: Pick<Frame, "interrupted" | "skipped"> | undefined;
  for await (const line of lines) {
    switch (line.schema) {
      case "earshot.samples/1":
        info = { earshot: line.earshot, run: line.run };
        break;
      case "earshot.sample/1":
        widen(cutShort, line);
        break;
      case "earshot.stage/1":
        stages[line.index] = line;
        cutShort.delete(line.index);
        break;
      case "earshot.end/1":
        end = { interrupted: line.interrupted, skipped: line.skipped };
    }
  }
  if (!info) {
    throw new UsageError("Cannot make a report as the run is not described");
  }
  for (const [index, span] of cutShort) stages[index] = guessed(index, span);
  return {
    info,
    stages,
    ...(end ?? { interrupted: true, skipped: { count: 0, items: [] } }),
  };
}

/** From when to when a stage was seen. */
interface Span {
  stageStartMs: number;
  startMs: number;
  endMs: number;
}

function widen(
  spans: Map<number, Span>,
  { stage, phase, scheduledMs, endedMs }: Sample,
): void {
  const span = spans.get(stage) ??
    { stageStartMs: scheduledMs, startMs: Infinity, endMs: endedMs };
  span.stageStartMs = Math.min(span.stageStartMs, scheduledMs);
  if (phase === "measure") span.startMs = Math.min(span.startMs, scheduledMs);
  span.endMs = Math.max(span.endMs, endedMs);
  spans.set(stage, span);
}

/** A stage whose end was never written, as far as its samples tell. */
function guessed(
  index: number,
  { stageStartMs, startMs, endMs }: Span,
): Omit<SavedStage, "schema"> {
  const from = Math.min(startMs, endMs);
  return {
    index,
    name: `stage ${index + 1}, cut short`,
    load: {},
    window: {
      stageStartMs,
      startMs: from,
      endMs,
      warmupMs: from - stageStartMs,
    },
    stopped: "interrupted",
    client: {},
    dropped: 0,
  };
}

function healthOf(
  { client: { loopDelay, cpu, rssBytes } }: Omit<SavedStage, "schema">,
) {
  return {
    ...(loopDelay && { loopDelay }),
    ...(cpu !== undefined && { cpu }),
    ...(rssBytes !== undefined && { rssBytes }),
  };
}

function knownNormalizer(name: string): NormalizerName {
  return Object.hasOwn(normalizers, name) ? name as NormalizerName : "basic";
}
