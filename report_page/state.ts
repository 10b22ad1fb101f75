import type { Failure, StageReport } from "../plugins/mod.ts";
import type { RequestDetails } from "../reporters/html/request_details.ts";
import type { LaneChoice } from "./lanes.ts";
import type {
  MetricDefinition,
  PageData,
  PageStage,
} from "../reporters/html/page_data.ts";

/** Choices of the reader. */
export interface Choices {
  /** Index of the stage that is shown in detail. */
  readonly stage: number;
  /** Class and code of failures that requests are filtered by: {@linkcode failureKey}. */
  readonly failure?: string | undefined;
  /** Metric, percentile and load of the curve. */
  readonly curve: {
    readonly metric: string;
    readonly quantile: "p50" | "p90" | "p95" | "p99";
    readonly load: string;
    /** Limit of the latency, in milliseconds, as it was typed. */
    readonly limit: string;
  };
  /** Metric of the distributions. */
  readonly distribution: string;
  /** Metric of the series over time. */
  readonly series: string;
  /** Requests in the lanes. */
  readonly lanes: LaneChoice;
  /** Id of the request that is shown in detail. */
  readonly request?: number | undefined;
}

/** The data, the choices, and a way to change them. */
export interface View {
  readonly data: PageData;
  readonly choices: Choices;
  /** Changes some choices and shows the page again. */
  choose(changes: Partial<Choices>): void;
  /** Changes some choices whose effect is already on the page. */
  remember(changes: Partial<Choices>): void;
}

/** Metrics that have curves and series, in the order in which they are offered. */
export const HEADLINES = [
  "ttft",
  "finalization",
  "latency",
  "responseTime",
  "itl",
  "tpot",
] as const;

/** The first choices of a run. */
export function firstChoices(data: PageData): Choices {
  const reports = reportsOf(data);
  const slo = reports.flatMap(({ slo = [] }) => slo).find((result) =>
    result.unit === "ms" && result.quantile !== undefined &&
    HEADLINES.some((name) => name === result.metric)
  );
  const isSpeech = reports.some(({ metrics }) => metrics["finalization"]);
  const metric = slo?.metric ?? (isSpeech ? "finalization" : "ttft");
  const hasMetric = reports.some(({ metrics }) => metrics[metric]);
  const shown = hasMetric ? metric : "latency";
  const quantile = slo?.quantile;
  return {
    stage: defaultStage(data),
    curve: {
      metric: shown,
      quantile: quantile === "p50" || quantile === "p90" || quantile === "p99"
        ? quantile
        : "p95",
      load: "requestsPerSecond",
      limit: String(slo?.limit ?? 200),
    },
    distribution: shown,
    series: shown === "responseTime" || shown === "tpot" ? "latency" : shown,
    lanes: "first",
  };
}

/** The running stage; else the one that a search found, the last that kept every SLO, or the first that was measured. */
function defaultStage({ stages, progress, end }: PageData): number {
  if (progress) return Math.min(progress.stage, Math.max(0, stages.length - 1));
  const [capacity] = end?.capacities ?? [];
  const best = capacity?.levels.findLast(({ level, outcome }) =>
    level === capacity.low && outcome === "pass"
  );
  if (best && stages[best.stage]) return best.stage;
  const keeps = ({ report }: PageStage) =>
    report?.slo?.every(({ pass }) => pass) ?? false;
  const isValid = ({ report }: PageStage) => report?.verdict.status === "valid";
  const order = [
    stages.findLastIndex((stage) => keeps(stage) && isValid(stage)),
    stages.findLastIndex(keeps),
    stages.findIndex(({ report }) => report && report.counts.ok > 0),
  ];
  return order.find((index) => index >= 0) ?? 0;
}

/** The reports of the stages that have ended. */
export function reportsOf({ stages }: PageData): StageReport[] {
  return stages.flatMap(({ report }) => report ?? []);
}

/** The stage that is shown in detail, if one has begun. */
export function chosenStage({ data, choices }: View): PageStage | undefined {
  return data.stages[choices.stage];
}

/** Name of a stage for people. */
export function stageName(
  { stages, progress }: PageData,
  index: number,
): string {
  const report = stages[index]?.report;
  if (!report) {
    return progress?.stage === index ? progress.name : `stage ${index + 1}`;
  }
  return report.repeat === undefined
    ? report.name
    : `${report.name}, repetition ${report.repeat}`;
}

/** The definition of a metric; one with the name alone where the table has none. */
export function metricOf(
  { metrics }: PageData,
  name: string,
): MetricDefinition {
  return metrics.find((metric) => metric.name === name) ??
    { name, label: name, unit: "ms", formula: "" };
}

/** Class and code of a failure. */
export function failureKey(
  { class: name, code }: Pick<Failure, "class" | "code">,
): string {
  return code === undefined ? name : `${name} ${code}`;
}

/** Whether a request is of the chosen failures, if any are chosen. */
export function isChosenFailure(
  { failure }: Choices,
  request: Pick<RequestDetails, "failure">,
): boolean {
  return failure === undefined ||
    (request.failure !== undefined && failureKey(request.failure) === failure);
}

/** Start of a stage on the run's clock: of its report, or else of its first request. */
export function startOf({ report, details }: PageStage): number {
  return report?.window.stageStartMs ??
    Math.min(
      ...(details?.requests ?? []).map(({ scheduledMs }) => scheduledMs),
    );
}
