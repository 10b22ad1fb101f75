import type { QuantileBounds } from "../intervals.ts";
import type { Summary } from "../report.ts";
import type { Sample } from "../sample.ts";
import { Column } from "./column.ts";
import { QuantileBatches } from "./quantile_batches.ts";
import type { Metric, MetricValue } from "./table.ts";

/** Metrics whose quantiles have confidence intervals: those that people read first. */
export const metricsWithIntervals: readonly string[] = [
  "latency",
  "responseTime",
  "ttft",
  "ttfo",
  "itl",
  "tpot",
  "finalization",
  "rtfxRequest",
];

/** The quantiles that have one. */
const QUANTILES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

interface MetricValues {
  readonly metric: Metric;
  readonly column: Column;
  readonly batches: QuantileBatches | undefined;
}

/** The values of each metric of a table. */
export class MetricColumns {
  readonly #all: readonly MetricValues[];
  readonly #values: MetricValue[];

  constructor(table: readonly Metric[]) {
    this.#all = table.map((metric) => ({
      metric,
      column: new Column(),
      batches: metricsWithIntervals.includes(metric.name)
        ? new QuantileBatches()
        : undefined,
    }));
    this.#values = table.map(() => undefined);
  }

  /** Adds the metrics of a sample. */
  add(sample: Sample, values: readonly MetricValue[] = this.of(sample)): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value === undefined) continue;
      const { column, batches } = this.#all[i]!;
      if (typeof value === "number") column.add(value);
      else for (const each of value) column.add(each);
      batches?.add(sample.id, value);
    }
  }

  /** The metrics of a sample, in the order of the table: valid until the next call. */
  of(sample: Sample): readonly MetricValue[] {
    const values = this.#values;
    for (let i = 0; i < values.length; i++) {
      values[i] = this.#all[i]!.metric.of(sample);
    }
    return values;
  }

  merge(other: MetricColumns): void {
    this.#all.forEach(({ column, batches }, i) => {
      column.merge(other.#all[i]!.column);
      batches?.merge(other.#all[i]!.batches!);
    });
  }

  /** A quantile of one metric. */
  quantile(name: string, p: number): number | undefined {
    const found = this.#all.find(({ metric }) => metric.name === name);
    return found?.column.quantile(p);
  }

  /** Summaries of the metrics that have values. */
  summaries(): [Metric, Summary][] {
    return this.#all.flatMap(({ metric, column }) => {
      const summary = column.summary();
      return summary ? [[metric, summary]] : [];
    });
  }

  /** Confidence intervals of the quantiles, by the name of the metric. */
  intervals(): Record<string, QuantileBounds> {
    const found: Record<string, QuantileBounds> = {};
    for (const { metric: { name }, column, batches } of this.#all) {
      const bounds = Object.entries(QUANTILES).flatMap(([quantile, p]) => {
        const interval = batches?.interval(p, column);
        return interval ? [[quantile, interval]] : [];
      });
      if (bounds.length > 0) found[name] = Object.fromEntries(bounds);
    }
    return found;
  }
}
