import type { RepeatSummary, Unit } from "../../plugins/mod.ts";
import {
  formatInterval,
  formatValue,
  type Look,
  percent,
  plain,
  plural,
  rounded,
  wrap,
} from "./format.ts";
import { labelOfMetric } from "./table.ts";

/** Metrics that are shown over the repetitions, in order. */
const METRICS = [
  "ttft",
  "finalization",
  "responseTime",
  "latency",
  "itl",
  "tpot",
] as const;

/** Rates that are shown, each with its unit. */
const RATES: Readonly<Record<string, (value: number) => string>> = {
  requestsPerSecond: (value) => `${rounded(value)} requests/s`,
  goodput: (value) => `goodput ${rounded(value)} requests/s`,
  outputTokensPerSecond: (value) => `${rounded(value)} output tokens/s`,
  errorRate: (value) => `errors ${percent(value)}`,
  wer: (value) => `WER ${percent(value)}`,
};

/** Formats a stage over the repetitions of the run: means of the repetitions with their intervals. */
export function repeatLines(summary: RepeatSummary, look: Look): string[] {
  const { stage, runs, confidence, metrics, rates } = summary;
  const title = `${plain(stage)} · over ${plural(runs, "repetition")}, mean (${
    Math.round(100 * confidence)
  } % t interval)`;
  const rows = METRICS.flatMap((name) => {
    const metric = metrics[name];
    if (!metric) return [];
    const format = (value: number) => formatValue(value, metric.unit as Unit);
    const cells = (["p50", "p90", "p95", "p99"] as const).flatMap((each) => {
      const interval = metric[each];
      if (!interval) return [];
      const bounds = formatInterval(interval, format);
      return `${each} ${format(interval.mean)}${bounds ? ` (${bounds})` : ""}`;
    });
    return wrap(cells, {
      ...look,
      label: `  ${`${labelOfMetric(name)}, ${metric.unit}`.padEnd(20)}`,
    });
  });
  const parts = Object.entries(RATES).flatMap(([name, format]) => {
    const interval = rates[name];
    if (!interval) return [];
    const short = name === "errorRate" || name === "wer" ? percent : rounded;
    const bounds = formatInterval(interval, short);
    return `${format(interval.mean)}${bounds ? ` (${bounds})` : ""}`;
  });
  return [
    look.paint("bold", title),
    ...rows,
    ...(parts.length > 0
      ? wrap(parts, { ...look, label: `  ${"rates".padEnd(20)}` })
      : []),
  ];
}
