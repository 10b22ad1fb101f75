import type { Sample } from "../sample.ts";
import { latencyMetrics } from "./latency.ts";
import { type Metric, minus } from "./metric.ts";
import { speechMetrics } from "./speech.ts";
import { tokenMetrics } from "./tokens.ts";

export type { Metric } from "./metric.ts";

/** What is read off each request that ended `ok`, in the order in which it is shown. */
export const metrics: readonly Metric[] = [
  ...latencyMetrics,
  ...tokenMetrics,
  ...speechMetrics,
];

/** How well the client kept up: read off every request, whatever its end. */
export const clientMetrics: readonly Metric[] = [
  {
    name: "scheduleLag",
    unit: "ms",
    label: "schedule lag",
    formula: "dispatched − scheduled",
    of: ({ dispatchedMs, scheduledMs }) => minus(dispatchedMs, scheduledMs),
  },
  {
    name: "chunkLateness",
    unit: "ms",
    label: "chunk lateness",
    formula: "sent − due, of each paced chunk of audio",
    of: ({ audioSent }) => {
      const late = audioSent.flatMap(({ atMs, dueMs }) =>
        minus(atMs, dueMs) ?? []
      );
      return late.length > 0 ? late : undefined;
    },
  },
];

/**
 * Every metric of a sample that is a single number, by name: a row of a table. Lists (`itl`, `deltaGap`,
 * `chunkLateness`) are left out, and so is what is not known. Whether the request ended `ok` is not looked at.
 */
export function metricsOf(sample: Sample): Record<string, number> {
  const row: Record<string, number> = {};
  for (const { name, of } of [...metrics, ...clientMetrics]) {
    const value = of(sample);
    if (typeof value === "number") row[name] = value;
  }
  return row;
}
