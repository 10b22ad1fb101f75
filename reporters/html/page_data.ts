import {
  clientMetrics,
  type Metric,
  metrics,
  type Progress,
  type Report,
  type RunInfo,
  type Sample,
  type Series,
  shareMetrics,
  type StageReport,
} from "../../plugins/mod.ts";
import { shownData } from "./shown_text.ts";
import {
  LIMITS,
  type RequestLimits,
  StageCollector,
  type StageDetails,
} from "./stage_details.ts";

/** Everything that the page shows, as plain JSON. */
export interface PageData {
  /** Facts of the run. */
  readonly info: RunInfo;
  /** The stages that have begun. */
  readonly stages: readonly PageStage[];
  /** Number of further stages, where there are too many for a page. Absent if it shows all. */
  readonly stagesLeftOut?: number;
  /** State of the running stage. Absent once the run has ended. */
  readonly progress?: Progress;
  /** How the run ended, and its results over the stages. Absent while it runs. */
  readonly end?: Pick<
    Report,
    "interrupted" | "error" | "skipped" | "capacities" | "repeats"
  >;
  /** Metrics in the order in which they are shown. */
  readonly metrics: readonly MetricDefinition[];
  /** Numbers of requests that the page has of each stage. */
  readonly limits: RequestLimits;
}

/** A stage on the page. */
export interface PageStage {
  /** Its report. Absent while it runs. */
  readonly report?: StageReport;
  /** Its requests and distributions. Absent if the page was made from a report without samples. */
  readonly details?: StageDetails;
}

/** Definition of a metric, from the table of metrics. */
export type MetricDefinition =
  & Pick<Metric, "name" | "label" | "unit" | "formula">
  & {
    /** Whether it is of the client rather than of the server. */
    readonly isOfClient?: true;
  };

/** Number of stages on a page. */
export const MAX_STAGES = 400;

/**
 * Collects what the page shows, while the run goes on or from saved samples. Its memory does not grow with the number of
 * samples.
 */
export class PageCollector {
  #info: RunInfo | undefined;
  #progress: Progress | undefined;
  readonly #stages: StageCollector[] = [];
  readonly #reports: StageReport[] = [];

  /** The run begins. */
  start(info: RunInfo): void {
    this.#info = info;
  }

  /** Adds samples, which are not kept. */
  samples(batch: readonly Sample[]): void {
    for (const sample of batch) {
      if (sample.stage >= MAX_STAGES) continue;
      this.#stages[sample.stage] ??= new StageCollector(
        this.#info?.run.config.normalizer ?? "basic",
      );
      this.#stages[sample.stage]!.add(sample);
    }
  }

  /** Receives the state of the running stage. */
  progress(snapshot: Progress): void {
    this.#progress = snapshot;
  }

  /** Receives the report of a stage that has ended. */
  stage(report: StageReport): void {
    this.#reports.push(report);
  }

  /**
   * The page so far, or of a whole run.
   *
   * @param report The report of the run, once it has ended.
   * @param detail Share of the requests and of the intervals over time that the page has, for a smaller one.
   */
  data(report?: Report, { detail = 1 } = {}): PageData {
    const info = report ?? this.#info;
    if (!info) throw new Error("a page needs the facts of a run");
    const { earshot, run } = info;
    const { epochMs } = run; // in full: it joins samples with other logs
    const limits = scaled(LIMITS, detail);
    const reports = report?.stages ?? this.#reports;
    const count = Math.max(reports.length, this.#stages.length);
    const shown = shownData({ earshot, run });
    return {
      info: { ...shown, run: { ...shown.run, epochMs } },
      stages: Array.from({ length: Math.min(count, MAX_STAGES) }, (_, i) => {
        const [stage, details] = [reports[i], this.#stages[i]];
        return {
          ...(stage && { report: shownData(withSeries(stage, detail)) }),
          ...(details && { details: details.details(limits) }),
        };
      }),
      ...(count > MAX_STAGES && { stagesLeftOut: count - MAX_STAGES }),
      ...(report
        ? { end: shownData(endOf(report)) }
        : this.#progress && { progress: shownData(this.#progress) }),
      metrics: definitions,
      limits,
    };
  }
}

const definitions: readonly MetricDefinition[] = [
  ...metrics.map(definitionOf),
  ...[...clientMetrics, ...shareMetrics].map((metric) => ({
    ...definitionOf(metric),
    isOfClient: true as const,
  })),
];

function definitionOf({ name, label, unit, formula }: Metric) {
  return { name, label, unit, formula };
}

/** Lower limits, but at least one of each kind: the extremes are on every page. */
function scaled(limits: RequestLimits, detail: number): RequestLimits {
  return Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [
      name,
      Math.max(1, Math.round(limit * detail)),
    ]),
  ) as unknown as RequestLimits;
}

function endOf(
  { interrupted, error, skipped, capacities, repeats }: Report,
): NonNullable<PageData["end"]> {
  return {
    interrupted,
    skipped,
    ...(error !== undefined && { error }),
    ...(capacities && { capacities }),
    ...(repeats && { repeats }),
  };
}

/** Returns a stage with fewer intervals over time: one of each few, and the highest value of each quantity. */
function withSeries(stage: StageReport, detail: number): StageReport {
  const { series } = stage;
  if (!series || detail === 1) return stage;
  const joined = Math.ceil(1 / detail);
  const join = (value: unknown): unknown =>
    Array.isArray(value)
      ? Array.from(
        { length: Math.ceil(value.length / joined) },
        (_, i) => highest(value.slice(i * joined, (i + 1) * joined)),
      )
      : typeof value === "object" && value !== null
      ? Object.fromEntries(
        Object.entries(value).map(([name, each]) => [name, join(each)]),
      )
      : value;
  const { startMs, widthMs, ...lists } = series;
  return {
    ...stage,
    series: {
      startMs,
      widthMs: widthMs * joined,
      ...join(lists) as Omit<Series, "startMs" | "widthMs">,
    },
  };
}

function highest(values: readonly (number | null)[]): number | null {
  return values.reduce(
    (a, b) => a === null ? b : b === null ? a : Math.max(a, b),
    null,
  );
}
