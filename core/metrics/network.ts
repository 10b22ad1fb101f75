import type { StageReport, Summary } from "../report.ts";

/** Metrics that contain one round trip of the network. */
export const ADJUSTED = ["ttft", "finalization"] as const;

/**
 * These metrics without the time that the network takes: that of the fastest round trip, as the others waited for
 * something. The measured values are kept beside them.
 */
export function adjustForNetwork(
  metrics: StageReport["metrics"],
  rtt: Summary,
): StageReport["metrics"] {
  return Object.fromEntries(ADJUSTED.flatMap((name) => {
    const metric = metrics[name];
    return metric
      ? [[`${name}AdjustedForNetwork`, shifted(metric, rtt.min)]]
      : [];
  }));
}

const POSITIONS = [
  "mean",
  "min",
  "max",
  "p5",
  "p50",
  "p90",
  "p95",
  "p99",
  "p999",
] as const;

/** The summary of the same values, each `byMs` less. */
function shifted<Of extends Summary>(summary: Of, byMs: number): Of {
  const less = POSITIONS.map((name) => [name, summary[name] - byMs] as const);
  return { ...summary, ...Object.fromEntries(less) };
}
