import {
  type Capacity,
  type CapacityLevel,
  formatSloValue,
  type Report,
  type StageReport,
} from "../../plugins/mod.ts";
import type { Fact, Section, Tone } from "./model.ts";
import { plural, seconds } from "./numbers.ts";
import { stageSection } from "./stage.ts";
import { message, nameOf } from "./text.ts";

/** The answer of a search: the interval in which the capacity lies. */
export function capacitySection(capacity: Capacity): Section {
  const { status, confidence, slos, ended } = capacity;
  const isGood = status === "found" || status === "at-least";
  const share = `, at ${Math.round(100 * confidence)} % confidence`;
  const facts: Fact[] = slos.map((slo) => ({ value: nameOf(slo) }));
  return {
    title: "capacity",
    status: {
      text: answerOf(capacity) + (isGood ? share : ""),
      tone: isGood ? "good" : "warning",
    },
    blocks: [
      { title: "SLOs kept", facts },
      ...(ended === undefined ? [] : [{
        title: "ended early",
        facts: [{ value: message(ended), tone: "warning" as const }],
      }]),
    ],
  };
}

function answerOf({ of, status, low, high }: Capacity): string {
  const unit = of === "rate" ? "requests/s" : "streams";
  switch (status) {
    case "found":
      return `at least ${low}, below ${high} ${unit}`;
    case "at-least":
      return `at least ${low} ${unit}`;
    case "below":
      return `below ${high} ${unit}`;
    case "undecided":
      return "no level was decided";
    case "not-monotone":
      return `not monotone around ${low ?? high} ${unit}`;
  }
}

/** A reason without the name of the only SLO. */
function withoutSlo(reason: string, slo: string): string {
  return reason.startsWith(`${slo}: `) ? reason.slice(slo.length + 2) : reason;
}

const OUTCOME_TONE: Readonly<Record<CapacityLevel["outcome"], Tone>> = {
  pass: "good",
  fail: "bad",
  undecided: "warning",
  "client-limited": "warning",
  failed: "bad",
};

/** The levels of a search with their outcomes, and the stage of the highest level that was kept. */
export function levelSections(
  { levels, of, low, slos }: Capacity,
  { stages }: Report,
  speed: string | undefined,
): Section[] {
  const rows = levels.flatMap(({ level, outcome, stage, reason }) => {
    const report = stages[stage];
    if (!report) return [];
    const why = slos.length === 1 ? withoutSlo(reason, slos[0]!) : reason;
    return [{
      label: `${level}${of === "rate" ? "/s" : ""}`,
      cells: [
        { text: outcome, tone: OUTCOME_TONE[outcome] },
        String(endedOf(report)),
        lengthOf(report),
        message(why),
      ],
    }];
  });
  const kept = levels.findLast(({ level, outcome }) =>
    level === low && outcome === "pass"
  );
  const best = kept && stages[kept.stage];
  return [
    {
      title: "levels of the search",
      blocks: [{
        columns: [
          { head: "outcome", align: "left" },
          { head: "requests", dropOrder: 2 },
          { head: "measured", dropOrder: 1 },
          { head: "reason", align: "left", wraps: true },
        ],
        parts: [{ title: "level", rows }],
      }],
    },
    ...(best ? [stageSection(best, { index: kept.stage, speed })] : []),
  ];
}

/** Whether a stage is a level of a search, as far as it shows while the search runs. */
export function isLevel({ load }: StageReport): boolean {
  return load["kind"] === "search";
}

/** A level of a running search on one line: its outcome is decided later. */
export function levelFact(stage: StageReport): string {
  const { slo = [], verdict: { status } } = stage;
  const values = slo.map((result) =>
    `${nameOf(result.objective)} ${result.pass ? "met" : "missed"}, ${
      formatSloValue(result)
    }`
  );
  return [
    nameOf(stage.name),
    plural(endedOf(stage), "request"),
    lengthOf(stage),
    ...(status === "valid" || status === "too-few-samples" ? [] : [status]),
    ...values,
  ].join(" · ");
}

function endedOf({ counts }: StageReport): number {
  return counts.ok + counts.error + counts.timeout + counts.cancelled;
}

function lengthOf({ window }: StageReport): string {
  return seconds(window.endMs - window.startMs);
}
