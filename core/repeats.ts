import type { StageReport } from "./report.ts";
import type { RepeatInterval, RepeatSummary } from "./run_results.ts";
import { meanInterval } from "./statistics/distributions.ts";

/** Confidence of the intervals. */
const CONFIDENCE = 0.95;

/** Statistics of a metric that are compared between runs. */
const STATISTICS = ["mean", "p50", "p90", "p95", "p99"] as const;

/**
 * Summarizes each stage over the repetitions of a run: the mean of the values of the repetitions, with Student's t
 * interval. A repetition is one observation, as its requests share the server's state. Stages that not all repetitions
 * have under the same name, as those of a search, are left out.
 */
export function summarizeRepeats(
  stages: readonly StageReport[],
): RepeatSummary[] {
  const runs = [...Map.groupBy(stages, ({ repeat }) => repeat).entries()]
    .flatMap(([repeat, stages]) => repeat === undefined ? [] : [stages]);
  const [first = [], ...others] = runs;
  if (others.length === 0) return [];
  return first.flatMap(({ name }, i) => {
    const same = runs.flatMap((run) => run[i]?.name === name ? [run[i]] : []);
    return same.length === runs.length ? [summarize(name, same)] : [];
  });
}

function summarize(
  stage: string,
  runs: readonly StageReport[],
): RepeatSummary {
  const intervals = (
    values: (run: StageReport) => readonly (readonly [string, unknown])[],
  ) => {
    const byName = Map.groupBy(runs.flatMap(values), ([name]) => name);
    return Object.fromEntries([...byName].flatMap(([name, pairs]) => {
      const numbers = pairs.flatMap(([, value]) =>
        typeof value === "number" ? [value] : []
      );
      const interval = intervalOf(numbers, runs.length);
      return interval ? [[name, interval]] : [];
    }));
  };
  const names = new Set(runs.flatMap(({ metrics }) => Object.keys(metrics)));
  const metrics = [...names].flatMap((name) => {
    const unit = runs.find(({ metrics }) => metrics[name])!.metrics[name]!.unit;
    const statistics = intervals(({ metrics }) =>
      STATISTICS.map((key) => [key, metrics[name]?.[key]])
    );
    if (Object.keys(statistics).length === 0) return [];
    return [[name, { unit, ...statistics }] as const];
  });
  return {
    stage,
    runs: runs.length,
    confidence: CONFIDENCE,
    metrics: Object.fromEntries(metrics) as RepeatSummary["metrics"],
    rates: intervals(({ rates, quality }) => [
      ...Object.entries(rates),
      ["wer", quality.wer?.value],
      ["cer", quality.cer?.value],
    ]),
  };
}

/** The interval of the mean of the runs' values; `undefined` where a run has none. */
function intervalOf(
  values: readonly number[],
  runs: number,
): RepeatInterval | undefined {
  if (values.length < runs) return undefined;
  const interval = meanInterval(values, CONFIDENCE);
  // With few runs the bounds are wide; times and rates are never below 0.
  const least = Math.min(0, ...values);
  return interval && { ...interval, lower: Math.max(least, interval.lower) };
}
