import {
  type ErrorRate,
  metrics,
  type Report,
  type RunFacts,
  type StageReport,
  type Summary,
} from "../../plugins/mod.ts";
import { formatPlugin } from "../../plugins/spec.ts";
import { type Cell, plainJson } from "../safe_text.ts";

/** Stage of a report. */
export interface ReportedStage {
  /** Index of the stage, from 0. */
  readonly index: number;
  readonly stage: StageReport;
}

type Row = ReportedStage & Pick<Report, "earshot" | "run" | "interrupted">;
type Column = readonly [name: string, value: (row: Row) => Cell];

const statistics = [
  "n",
  "mean",
  "sd",
  "min",
  "p5",
  "p50",
  "p90",
  "p95",
  "p99",
  "p999",
  "max",
] as const;

const counts = [
  "ok",
  "error",
  "timeout",
  "cancelled",
  "dropped",
  "emptyOutputs",
  "retried",
  "warmup",
] as const;

const rates = [
  "errorRate",
  "requestsPerSecond",
  "inputTokensPerSecond",
  "outputTokensPerSecond",
  "embeddingsPerSecond",
  "rtfxAggregate",
] as const;

const single: readonly Column[] = [
  ["run.id", ({ run }) => run.id],
  ["run.startedAt", ({ run }) => run.startedAt],
  ["earshot.version", ({ earshot }) => earshot.version],
  ["run.seed", ({ run }) => run.config.seed],
  ["backend", ({ run }) => run.config.backend.use],
  ["backend.dialect", factOf("dialect")],
  ["backend.mode", factOf("mode")],
  ["backend.speed", factOf("speed")],
  ["target", (row) => factOf("url")(row) ?? factOf("target")(row)],
  ["model", factOf("model")],
  ["dataset", ({ run }) => run.config.data.map(({ use }) => use).join("+")],
  ["run.load", ({ run }) => formatPlugin(run.config.load)],
  ["interrupted", ({ interrupted }) => interrupted],
  ["stage", ({ index }) => index],
  ["name", ({ stage }) => stage.name],
  ["verdict", ({ stage }) => stage.verdict.status],
  ["verdict.reasons", ({ stage }) => stage.verdict.reasons.join("; ")],
  ["slo", ({ stage }) => sloResults(stage)],
  ["load", ({ stage }) => plainJson(stage.load)],
  ...["kind", "concurrency", "ratePerSecond", "maxInFlight"].map((
    key,
  ): Column => [`load.${key}`, ({ stage }) => toCell(stage.load[key])]),
  ["stopped", ({ stage }) => stage.stopped],
  ...(["startMs", "endMs", "warmupMs"] as const).map((
    key,
  ): Column => [`window.${key}`, ({ stage }) => stage.window[key]]),
  ...counts.map((
    key,
  ): Column => [`counts.${key}`, ({ stage }) => stage.counts[key]]),
  ["failures", ({ stage }) => numbersIn(stage.counts.failures)],
  ...rates.map((key): Column => [key, ({ stage }) => stage.rates[key]]),
  ["tokenCounts.input", ({ stage }) => numbersIn(stage.tokenCounts?.input)],
  ["tokenCounts.output", ({ stage }) => numbersIn(stage.tokenCounts?.output)],
  ...errorRateColumns("wer"),
  ...errorRateColumns("cer"),
  ["client.cpu", ({ stage }) => stage.client.cpu],
  ["client.rssBytes", ({ stage }) => stage.client.rssBytes],
];

type Summarized = readonly [
  name: string,
  of: (stage: StageReport) => Summary | undefined,
];

const summaries: readonly Summarized[] = [
  ...metrics.map((
    { name },
  ): Summarized => [name, (stage) => stage.metrics[name]]),
  ...(["scheduleLag", "chunkLateness", "loopDelay"] as const).map((
    key,
  ): Summarized => [`client.${key}`, ({ client }) => client[key]]),
];

/** Columns of a table of stages: the same in every run. */
export const stageColumns: readonly string[] = [
  ...single.map(([name]) => name),
  ...summaries.flatMap(([name]) => statistics.map((key) => `${name}.${key}`)),
];

/** Returns the cells of a stage in the order of the columns. */
export function stageCells(report: Report, reported: ReportedStage): Cell[] {
  const row = { ...report, ...reported };
  return [
    ...single.map(([, value]) => value(row)),
    ...summaries.flatMap(([, of]) => {
      const summary = of(reported.stage);
      return statistics.map((key) => summary?.[key]);
    }),
  ];
}

/** Returns a function that reads a fact of the backend. */
function factOf(key: keyof NonNullable<RunFacts["backend"]>) {
  return ({ run }: Row): Cell => toCell(run.facts.backend?.[key]);
}

function toCell(value: unknown): Cell {
  return typeof value === "string" || typeof value === "number" ||
      typeof value === "boolean"
    ? value
    : undefined;
}

function sloResults({ slo }: StageReport): Cell {
  return slo?.map(({ objective, pass }) =>
    `${objective} ${pass ? "met" : "missed"}`
  ).join("; ");
}

/** Joins numbers and their names in one cell. */
function numbersIn(
  numbers: Readonly<Record<string, number>> | undefined,
): Cell {
  return numbers &&
    Object.entries(numbers).map(([name, n]) => `${name}=${n}`).join(" ");
}

function errorRateColumns(name: "wer" | "cer"): readonly Column[] {
  const keys: readonly (keyof ErrorRate)[] = [
    "s",
    "d",
    "i",
    "n",
    "normalizer",
    "utterances",
    "emptyReferenceInsertions",
  ];
  return [
    [name, ({ stage }) => stage.quality[name]?.value],
    ...keys.map((
      key,
    ): Column => [`${name}.${key}`, ({ stage }) => stage.quality[name]?.[key]]),
  ];
}
