import type { RepeatSummary, Unit } from "../../plugins/mod.ts";
import { labelOfMetric } from "./metric_table.ts";
import type { Row, Section } from "./model.ts";
import {
  formatInterval,
  formatValue,
  percent,
  plural,
  rounded,
} from "./numbers.ts";
import { nameOf } from "./text.ts";

/** Metrics that are shown over the repetitions, in order. */
const METRICS = [
  "finalization",
  "ttft",
  "itl",
  "tpot",
  "responseTime",
  "latency",
] as const;

/** Rates that are shown, each with its label and form. */
const RATES: readonly (readonly [string, string, (rate: number) => string])[] =
  [
    ["requestsPerSecond", "requests/s", rounded],
    ["goodput", "goodput, requests/s", rounded],
    ["outputTokensPerSecond", "output tokens/s", rounded],
    ["errorRate", "error rate", percent],
    ["wer", "WER", percent],
  ];

/** A stage over the repetitions of the run: means of the repetitions with their intervals. */
export function repeatSection(summary: RepeatSummary): Section {
  const { stage, runs, confidence, metrics, rates } = summary;
  const metricRows = METRICS.flatMap((name) => {
    const metric = metrics[name];
    if (!metric) return [];
    const format = (value: number) => formatValue(value, metric.unit as Unit);
    const label = `${labelOfMetric(name)}, ${metric.unit}`;
    return (["p50", "p90", "p95", "p99"] as const).flatMap((each): Row[] => {
      const interval = metric[each];
      return interval ? [meanRow(`${label}, ${each}`, interval, format)] : [];
    });
  });
  const rateRows = RATES.flatMap(([name, label, format]) => {
    const interval = rates[name];
    return interval ? [meanRow(label, interval, format)] : [];
  });
  return {
    title: `${nameOf(stage)} · over ${plural(runs, "repetition")}`,
    blocks: [{
      columns: [
        { head: "mean" },
        { head: `${Math.round(100 * confidence)} % t interval` },
      ],
      parts: [{
        title: "of the repetitions",
        rows: [...metricRows, ...rateRows],
      }],
    }],
  };
}

function meanRow(
  label: string,
  interval: {
    readonly mean: number;
    readonly lower: number;
    readonly upper: number;
  },
  format: (value: number) => string,
): Row {
  return {
    label,
    cells: [format(interval.mean), formatInterval(interval, format) ?? ""],
  };
}
