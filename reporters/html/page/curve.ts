import type { StageReport } from "../../../plugins/mod.ts";

/** A stage as a point of the curve of load against latency. */
export interface CurvePoint {
  /** Index of the stage. */
  readonly stage: number;
  /** Name of the stage. */
  readonly name: string;
  /** Load: requests/s. */
  readonly load: number;
  /** Latency at a percentile, in milliseconds. */
  readonly value: number;
  /** Confidence interval of the latency. */
  readonly bounds?: { readonly lower: number; readonly upper: number };
}

/** Percentile of the curve. */
export type CurveQuantile = "p50" | "p90" | "p95" | "p99";

/** The points of the stages that have both values, in the order of their load. */
export function curvePoints(
  reports: readonly (StageReport | undefined)[],
  metric: string,
  quantile: CurveQuantile,
): CurvePoint[] {
  const points = reports.flatMap((report, stage): CurvePoint[] => {
    const value = report?.metrics[metric]?.[quantile];
    const load = report?.rates.requestsPerSecond;
    if (!report || value === undefined || load === undefined) return [];
    const bounds = report.withinRunIntervals?.metrics[metric]?.[quantile];
    const { name } = report;
    return [{ stage, name, load, value, ...(bounds && { bounds }) }];
  });
  return points.sort((a, b) => a.load - b.load);
}
