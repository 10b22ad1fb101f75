import { z } from "zod";
import {
  type Capacity,
  defineReporter,
  formatSloValue,
  type Report,
  type ReporterPlugin,
  type SloResult,
  type StageReport,
  stagesOutsideSearches,
} from "../plugins/mod.ts";
import { checkWritable, writeText } from "./output.ts";
import { visible } from "./safe_text.ts";
import { message, nameOf } from "./summary/text.ts";

/** Options of {@linkcode junitReporter}. */
export interface JunitOptions {
  /** File to write; `-` is standard output. */
  path: string;
}

/**
 * Writes the SLOs as JUnit XML when the run has ended: a test suite for each stage, with a test case for its verdict and
 * one for each SLO.
 */
export const junitReporter: ReporterPlugin<JunitOptions> = defineReporter({
  name: "junit",
  summary: "SLOs and verdicts as JUnit XML, for CI",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).describe(
      "File to write; - is standard output",
    ),
  }),
  async open({ path }) {
    await checkWritable(path);
    return { report: (report) => writeText(path, toJunit(report)) };
  },
});

interface Suite {
  readonly name: string;
  readonly seconds: number;
  readonly timestamp: string;
  readonly cases: readonly Case[];
}

interface Case {
  readonly name: string;
  /** Absent if it passed. */
  readonly problem?: Problem | undefined;
}

interface Problem {
  /** `failure`: a limit was missed. `error`: nothing could be measured. `skipped`: nothing was decided. */
  readonly kind: "failure" | "error" | "skipped";
  readonly type: string;
  readonly text: string;
}

/** Formats the results of a report as JUnit XML. Levels of a search are not tests; its answer is. */
export function toJunit(report: Report): string {
  const outside = new Set(stagesOutsideSearches(report));
  const suites = [
    runSuite(report),
    ...(report.capacities ?? []).map((each) => capacitySuite(each, report)),
    ...report.stages.flatMap((stage, index) =>
      outside.has(stage) ? [stageSuite(stage, index, report)] : []
    ),
  ];
  const all = suites.flatMap(({ cases }) => cases);
  const seconds = suites.reduce((sum, suite) => sum + suite.seconds, 0);
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites${attributes({ name: "earshot", ...totals(all), seconds })}>`,
    ...suites.flatMap(suiteLines),
    "</testsuites>",
    "",
  ].join("\n");
}

function runSuite(report: Report): Suite {
  const { error, interrupted, stages, run } = report;
  const text = error ??
    (interrupted
      ? "interrupted: results until the interruption"
      : stages.length === 0
      ? "no stage began"
      : undefined);
  const problem = text === undefined ? undefined : {
    kind: "error",
    type: interrupted ? "interrupted" : "error",
    text,
  } as const;
  return {
    name: "run",
    seconds: 0,
    timestamp: run.startedAt,
    cases: [{ name: "completed", problem }],
  };
}

function capacitySuite(
  { of, status, low, high, slos, ended, levels }: Capacity,
  { run, stages }: Report,
): Suite {
  const spent = levels.reduce((sum, { stage }) => {
    const report = stages[stage];
    return report ? sum + secondsOf(report) : sum;
  }, 0);
  const decided = `low ${low ?? "unknown"}, high ${high ?? "unknown"}`;
  const text = [`${status}: ${decided}`, ...slos, ...ended ? [ended] : []]
    .join("; ");
  const kind = status === "below" ? "failure" : "error";
  const isFound = status === "found" || status === "at-least";
  return {
    name: `search of the ${of}`,
    seconds: spent,
    timestamp: run.startedAt,
    cases: [{
      name: "capacity",
      problem: isFound ? undefined : { kind, type: status, text },
    }],
  };
}

function stageSuite(
  stage: StageReport,
  index: number,
  { run }: Report,
): Suite {
  const repeat = stage.repeat === undefined
    ? ""
    : ` · repetition ${stage.repeat}`;
  const startMs = run.epochMs + stage.window.stageStartMs;
  return {
    name: `stage ${index + 1} · ${nameOf(stage.name)}${repeat}`,
    seconds: secondsOf(stage),
    timestamp: isDate(startMs)
      ? new Date(startMs).toISOString()
      : run.startedAt,
    cases: [
      { name: "verdict", problem: verdictProblem(stage) },
      ...(stage.slo ?? []).map((result) => ({
        name: nameOf(result.objective),
        problem: sloProblem(result),
      })),
    ],
  };
}

function isDate(ms: number): boolean {
  return !Number.isNaN(new Date(ms).getTime());
}

function secondsOf({ window }: StageReport): number {
  return (window.endMs - window.startMs) / 1000;
}

function verdictProblem(stage: StageReport): Problem | undefined {
  const { status, reasons } = stage.verdict;
  const text = reasons.join("; ") || status;
  if (status === "valid") return undefined;
  if (status === "too-few-samples") {
    return { kind: "skipped", type: status, text };
  }
  // A rule of the run may end it before its last stage measures anything.
  const { ok, error, timeout, cancelled } = stage.counts;
  const isCut = stage.stopCause?.scope === "run" &&
    ok + error + timeout + cancelled === 0;
  const kind = isCut ? "skipped" : status === "failed" ? "error" : "failure";
  return { kind, type: status, text };
}

/** The objective has the limit, and the message what was measured. */
function sloProblem(result: SloResult): Problem | undefined {
  const { pass, value, objective, reason } = result;
  if (pass) return undefined;
  const measured = formatSloValue(result);
  const found = value === undefined ? reason ?? measured : `it was ${measured}`;
  return {
    kind: "failure",
    type: "slo",
    text: `missed ${objective}: ${found}`,
  };
}

function totals(cases: readonly Case[]) {
  const count = (kind: Problem["kind"]) =>
    cases.filter(({ problem }) => problem?.kind === kind).length;
  return {
    tests: cases.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
  };
}

function suiteLines({ name, seconds, timestamp, cases }: Suite): string[] {
  return [
    `  <testsuite${
      attributes({ name, ...totals(cases), seconds, timestamp })
    }>`,
    ...cases.flatMap((each) => caseLines(each, { name, seconds })),
    "  </testsuite>",
  ];
}

function caseLines(
  { name, problem }: Case,
  suite: { readonly name: string; readonly seconds: number },
): string[] {
  const open = `    <testcase${
    attributes({ name, classname: suite.name, seconds: suite.seconds })
  }`;
  if (!problem) return [`${open}/>`];
  const { kind, type, text } = problem;
  const whole = message(text);
  return [
    `${open}>`,
    `      <${kind}${attributes({ type, message: whole })}/>`,
    "    </testcase>",
  ];
}

function attributes(
  values: Readonly<Record<string, string | number>>,
): string {
  return Object.entries(values).map(([name, value]) =>
    name === "seconds"
      ? ` time="${Number(value).toFixed(3)}"`
      : ` ${name}="${escapeXml(String(value))}"`
  ).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
};

/** Escapes a text for an attribute. Characters that XML 1.0 does not have are written as `\x1b` or `\ud800`. */
export function escapeXml(text: string): string {
  return visible(text).replace(
    /[\ud800-\udfff\ufffe\uffff]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  ).replace(/[&<>"'\t\n]/g, (character) => ENTITIES[character]!);
}
