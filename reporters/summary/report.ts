import {
  type Report,
  type RunInfo,
  type StageReport,
  stagesOutsideSearches,
} from "../../plugins/mod.ts";
import { capacitySection, levelSections } from "./capacity.ts";
import { comparisonSections } from "./comparison.ts";
import type { Section, TonedText } from "./model.ts";
import { plural } from "./numbers.ts";
import { repeatSection } from "./repeats.ts";
import { endFacts, skippedSections, speedOf } from "./run.ts";
import { stageSection } from "./stage.ts";
import { nameOf } from "./text.ts";

/** The stage with this index, as soon as it has ended. */
export function stageOfRun(
  stage: StageReport,
  index: number,
  { run }: RunInfo,
): Section {
  return stageSection(stage, { index, speed: speedOf(run.facts.backend) });
}

/** The end of a report: the answer, levels of searches, the comparison of stages, repetitions, unusable data. */
export function finalSections(report: Report): Section[] {
  const { capacities = [], repeats = [], run } = report;
  const stages = stagesOutsideSearches(report);
  const speed = speedOf(run.facts.backend);
  return [
    ...capacities.map(capacitySection),
    ...resultSections(report, stages),
    ...capacities.flatMap((each) => levelSections(each, report, speed)),
    ...comparisonSections(stages),
    ...repeats.map(repeatSection),
    ...skippedSections(report.skipped),
  ];
}

/** The result of several stages, and what ended the run early. A single stage that ended by itself says it all. */
function resultSections(
  report: Report,
  stages: readonly StageReport[],
): Section[] {
  const facts = endFacts(report);
  const hasResult = stages.length > 1 || report.stages.length === 0;
  if (!hasResult && facts.length === 0) return [];
  return [{
    title: "result",
    ...(hasResult && { status: resultOf(stages) }),
    blocks: [{ title: "ended", facts }],
  }];
}

/** The verdicts and SLOs of all stages in a few words. */
function resultOf(stages: readonly StageReport[]): TonedText {
  if (stages.length === 0) return { text: "no stage began", tone: "bad" };
  const all = plural(stages.length, "stage");
  const withVerdict = (name: StageReport["verdict"]["status"]) =>
    stages.filter(({ verdict }) => verdict.status === name);
  const failed = withVerdict("failed");
  if (failed.length === stages.length) {
    return { text: `no request succeeded in ${all}`, tone: "bad" };
  }
  const missed = stages.filter(({ slo = [] }) => slo.some(({ pass }) => !pass));
  const problems = [
    ...named("failed", failed),
    ...named("client-limited", withVerdict("client-limited")),
    ...named("with too few samples", withVerdict("too-few-samples")),
    ...named("missed an SLO", missed),
  ];
  const isBad = failed.length + missed.length > 0;
  if (problems.length > 0) {
    return {
      text: `of ${all}: ${problems.join("; ")}`,
      tone: isBad ? "bad" : "warning",
    };
  }
  const met = stages.some(({ slo = [] }) => slo.length > 0)
    ? ", every SLO met"
    : "";
  return { text: `${all}, all valid${met}`, tone: "good" };
}

/** The number of stages with a problem, and the names of the first three. */
function named(problem: string, stages: readonly StageReport[]): string[] {
  if (stages.length === 0) return [];
  const names = stages.slice(0, 3).map(({ name }) => nameOf(name));
  const more = stages.length > names.length ? ", …" : "";
  return [`${stages.length} ${problem} (${names.join(", ")}${more})`];
}
