import {
  type ErrorRate,
  metrics,
  type PluginUse,
  type Report,
  type StageReport,
  type Summary,
} from "../../plugins/mod.ts";
import { plainJson } from "../plain_json.ts";
import type { Cell } from "./row.ts";

/** One stage of a report. */
export interface ReportedStage {
  /** From 0. */
  readonly index: number;
  /** The stage. */
  readonly stage: StageReport;
}

type Cells = Readonly<Record<string, Cell>>;

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

const summaries: readonly string[] = [
  ...metrics.map(({ name }) => name),
  "client.scheduleLag",
  "client.chunkLateness",
  "client.loopDelay",
];

/** The columns of a table of stages, before those of the summaries. */
const single: readonly string[] = [
  "run.id",
  "run.startedAt",
  "earshot.version",
  "run.seed",
  "backend",
  "backend.dialect",
  "backend.mode",
  "backend.speed",
  "target",
  "model",
  "dataset",
  "run.load",
  "interrupted",
  "stage",
  "name",
  "verdict",
  "verdict.reasons",
  "slo",
  "load",
  "load.kind",
  "load.concurrency",
  "load.ratePerSecond",
  "load.maxInFlight",
  "stopped",
  "window.startMs",
  "window.endMs",
  "window.warmupMs",
  "counts.ok",
  "counts.error",
  "counts.timeout",
  "counts.cancelled",
  "counts.dropped",
  "counts.emptyOutputs",
  "counts.retried",
  "counts.warmup",
  "failures",
  "errorRate",
  "requestsPerSecond",
  "inputTokensPerSecond",
  "outputTokensPerSecond",
  "embeddingsPerSecond",
  "rtfxAggregate",
  "tokenCounts.input",
  "tokenCounts.output",
  ...errorRateColumns("wer"),
  ...errorRateColumns("cer"),
  "client.cpu",
  "client.rssBytes",
];

/** The columns of a table of stages: the same in every run. */
export const stageColumns: readonly string[] = [
  ...single,
  ...summaries.flatMap((name) => statistics.map((key) => `${name}.${key}`)),
];

/** The cells of a stage, in the order of the columns. */
export function stageCells(report: Report, place: ReportedStage): Cell[] {
  const cells: Cells = {
    ...runCells(report),
    ...settingCells(place),
    ...countCells(place.stage),
    ...place.stage.rates,
    ...tokenCells(place.stage),
    ...errorRateCells("wer", place.stage.quality.wer),
    ...errorRateCells("cer", place.stage.quality.cer),
  };
  return [
    ...single.map((column) => cells[column]),
    ...summaries.flatMap((name) => summaryCells(summaryOf(place.stage, name))),
  ];
}

function runCells({ earshot, run, interrupted }: Report): Cells {
  const { backend, dataset, load } = run.config;
  return {
    "run.id": run.id,
    "run.startedAt": run.startedAt,
    "earshot.version": earshot.version,
    "run.seed": run.seed,
    "run.load": load,
    backend: backend.name,
    "backend.dialect": fact(backend, "dialect"),
    "backend.mode": fact(backend, "mode"),
    "backend.speed": fact(backend, "speed"),
    target: fact(backend, "url") ?? fact(backend, "target"),
    model: fact(backend, "model"),
    dataset: dataset.name,
    interrupted,
  };
}

function fact({ facts }: PluginUse, key: string): Cell {
  return cellOf(facts?.[key]);
}

function cellOf(value: unknown): Cell {
  return typeof value === "string" || typeof value === "number" ||
      typeof value === "boolean"
    ? value
    : undefined;
}

function settingCells({ index, stage }: ReportedStage): Cells {
  const { name, load, window, stopped, verdict, client } = stage;
  return {
    stage: index,
    name,
    verdict: verdict.status,
    "verdict.reasons": verdict.reasons.join("; "),
    slo: stage.slo?.map(({ objective, pass }) =>
      `${objective} ${pass ? "met" : "missed"}`
    ).join("; "),
    load: plainJson(load),
    "load.kind": cellOf(load["kind"]),
    "load.concurrency": cellOf(load["concurrency"]),
    "load.ratePerSecond": cellOf(load["ratePerSecond"]),
    "load.maxInFlight": cellOf(load["maxInFlight"]),
    stopped,
    "window.startMs": window.startMs,
    "window.endMs": window.endMs,
    "window.warmupMs": window.warmupMs,
    "client.cpu": client.cpu,
    "client.rssBytes": client.rssBytes,
  };
}

function countCells({ counts }: StageReport): Cells {
  const { failures, ...numbers } = counts;
  return {
    ...Object.fromEntries(
      Object.entries(numbers).map(([key, n]) => [`counts.${key}`, n]),
    ),
    failures: numbersIn(failures),
  };
}

function tokenCells({ tokenCounts }: StageReport): Cells {
  return {
    "tokenCounts.input": numbersIn(tokenCounts?.input),
    "tokenCounts.output": numbersIn(tokenCounts?.output),
  };
}

/** Numbers by name, in one cell. */
function numbersIn(
  numbers: Readonly<Record<string, number>> | undefined,
): Cell {
  return numbers &&
    Object.entries(numbers).map(([name, n]) => `${name}=${n}`).join(" ");
}

function errorRateColumns(name: "wer" | "cer"): string[] {
  return [
    name,
    ...["s", "d", "i", "n", "normalizer", "utterances"].map((key) =>
      `${name}.${key}`
    ),
    `${name}.emptyReferenceInsertions`,
  ];
}

function errorRateCells(name: "wer" | "cer", rate?: ErrorRate): Cells {
  if (!rate) return {};
  const { value, ...parts } = rate;
  return {
    [name]: value,
    ...Object.fromEntries(
      Object.entries(parts).map(([key, part]) => [`${name}.${key}`, part]),
    ),
  };
}

function summaryOf(stage: StageReport, name: string): Summary | undefined {
  const { scheduleLag, chunkLateness, loopDelay } = stage.client;
  if (name === "client.scheduleLag") return scheduleLag;
  if (name === "client.chunkLateness") return chunkLateness;
  if (name === "client.loopDelay") return loopDelay;
  return stage.metrics[name];
}

function summaryCells(summary: Summary | undefined): Cell[] {
  return statistics.map((key) => summary?.[key]);
}
