import type { Capacity, Report, StageReport } from "../../plugins/mod.ts";
import {
  displayWidth,
  type Look,
  plain,
  plural,
  seconds,
  wrap,
  wrapMessage,
} from "./format.ts";
import { stageLines } from "./stage.ts";

/** Formats the answer of a search: the interval in which the capacity lies. */
export function capacityLines(capacity: Capacity, look: Look): string[] {
  const { status, confidence, slos, ended } = capacity;
  const isGood = status === "found" || status === "at-least";
  const label = look.paint(isGood ? "green" : "yellow", "capacity");
  const [first = "", ...rest] = wrap([
    answerOf(capacity),
    ...slos.map((slo) => plain(slo)),
    isGood && `${Math.round(100 * confidence)} % confidence`,
  ], { ...look, label: `${label}  ` });
  return [
    first,
    ...rest,
    ...(ended === undefined ? [] : wrapMessage(`ended early: ${ended}`, {
      ...look,
      label: " ".repeat(10),
    })),
  ];
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

const OUTCOME_COLOR = {
  pass: "green",
  fail: "red",
  undecided: "yellow",
  "client-limited": "yellow",
  failed: "red",
} as const;

/** Formats the levels of a search as a table, and the stage of the highest level that was kept. */
export function levelSections(
  { levels, of, low, slos }: Capacity,
  { stages }: Report,
  look: Look,
): string[][] {
  const rows = levels.flatMap(({ level, outcome, stage, reason }) => {
    const report = stages[stage];
    if (!report) return [];
    const { ok, error, timeout, cancelled } = report.counts;
    return [{
      level: `${level}${of === "rate" ? "/s" : ""}`,
      outcome,
      requests: plural(ok + error + timeout + cancelled, "request"),
      time: seconds(report.window.endMs - report.window.startMs),
      reason: plain(slos.length === 1 ? withoutSlo(reason, slos[0]!) : reason),
    }];
  });
  const width = (key: "level" | "outcome" | "requests" | "time") =>
    Math.max(...rows.map((row) => displayWidth(row[key])));
  const table = rows.flatMap((row) => {
    const start = `  ${row.level.padStart(width("level"))}  `;
    const outcome = row.outcome.padEnd(width("outcome"));
    const rest = `  ${row.requests.padStart(width("requests"))}  ${
      row.time.padStart(width("time"))
    }  `;
    const label = start + look.paint(OUTCOME_COLOR[row.outcome], outcome) +
      rest;
    return wrapMessage(row.reason, { ...look, label });
  });
  const kept = levels.findLast(({ level, outcome }) =>
    level === low && outcome === "pass"
  );
  const best: StageReport | undefined = kept && stages[kept.stage];
  const place = {
    index: kept?.stage ?? 0,
    of: stages.length,
    speed: undefined,
  };
  return [
    rows.length > 0 ? [look.paint("bold", "levels"), ...table] : [],
    best ? stageLines(best, place, look) : [],
  ];
}
