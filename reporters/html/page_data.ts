import {
  clientMetrics,
  type Metric,
  metrics,
  type Progress,
  type Report,
  type RunInfo,
  type Sample,
  shareMetrics,
  type StageReport,
} from "../../plugins/mod.ts";
import { cutTexts } from "./cut_text.ts";
import { StageCollector, type StageDetails } from "./stage_details.ts";

/** Everything that the page shows, as plain JSON. */
export interface PageData {
  /** Facts of the run. */
  readonly info: RunInfo;
  /** The stages that have begun. */
  readonly stages: readonly PageStage[];
  /** State of the running stage. Absent once the run has ended. */
  readonly progress?: Progress;
  /** How the run ended, and its results over the stages. Absent while it runs. */
  readonly end?: Pick<
    Report,
    "interrupted" | "error" | "skipped" | "capacities" | "repeats"
  >;
  /** Metrics in the order in which they are shown. */
  readonly metrics: readonly MetricDefinition[];
}

/** A stage on the page. */
export interface PageStage {
  /** Its report. Absent while it runs. */
  readonly report?: StageReport;
  /** Its requests and distributions. Absent if the page was made from a report without samples. */
  readonly details?: StageDetails;
}

/** Definition of a metric, from the table of metrics. */
export type MetricDefinition = Pick<
  Metric,
  "name" | "label" | "unit" | "formula"
>;

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
      this.#stages[sample.stage] ??= new StageCollector();
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
   */
  data(report?: Report): PageData {
    const info = report ?? this.#info;
    if (!info) throw new Error("a page needs the facts of a run");
    const { earshot, run } = info;
    const reports = report?.stages ?? this.#reports;
    const count = Math.max(reports.length, this.#stages.length);
    return cutTexts({
      info: { earshot, run },
      stages: Array.from({ length: count }, (_, i) => {
        const [report, details] = [reports[i], this.#stages[i]?.details()];
        return { ...(report && { report }), ...(details && { details }) };
      }),
      ...(report
        ? { end: endOf(report) }
        : this.#progress && { progress: this.#progress }),
      metrics: [...metrics, ...clientMetrics, ...shareMetrics].map((
        { name, label, unit, formula },
      ) => ({ name, label, unit, formula })),
    });
  }
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
