import type { Series, SeriesQuantiles } from "../plugins/mod.ts";
import type { RequestDetails } from "../reporters/html/request_details.ts";
import { chartElement, type Colors } from "./chart.ts";
import { chartOptions, legendOptions, linearAxis } from "./chart_options.ts";
import { choice, disclosure, element, table } from "./element.ts";
import { formatNumber, formatValue } from "./format.ts";
import {
  chosenStage,
  isChosenFailure,
  metricOf,
  startOf,
  type View,
} from "./state.ts";

/** Metrics that a report has over time. */
const METRICS = ["ttft", "finalization", "latency", "itl"] as const;

/** A point: seconds since the stage began, and a value. */
type Point = readonly [seconds: number, value: number | null];

/** Rates, requests in flight and a latency over the time of a stage. */
export function seriesSection(view: View): HTMLElement | undefined {
  const { data, choices } = view;
  const stage = chosenStage(view);
  const series = stage?.report?.series;
  if (!stage || !series) return undefined;
  const { window } = stage.report!;
  const startMs = startOf(stage);
  const metrics = METRICS.filter((name) => series[name]);
  const metric = metrics.find((name) => name === choices.series) ?? metrics[0];
  const frame: Frame = {
    startMs,
    series,
    endS: (series.startMs - startMs +
      series.widthMs * series.requestsPerSecond.length) / 1000,
    measured: [
      (window.startMs - startMs) / 1000,
      (window.endMs - startMs) / 1000,
    ],
  };
  const every = `one value every ${formatNumber(series.widthMs / 1000)} s`;
  const { label } = metricOf(data, metric ?? "latency");
  const { requests: kept = [], spread = [] } = stage.details ?? {};
  const isSpread = new Set(spread);
  const requests = kept.filter((each) =>
    isChosenFailure(choices, each) &&
    (each.failure !== undefined || isSpread.has(each.id))
  );
  return element(
    "section",
    { id: "series", "aria-labelledby": "series-head" },
    element("h3", { id: "series-head" }, "Over time"),
    element(
      "div.pair",
      {},
      chartElement(
        `Answered and failed requests per second over time, ${every}`,
        (colors) => rateOptions(colors, frame),
        { height: 220 },
      ),
      chartElement(
        `Requests in flight over time, ${every}`,
        (colors) =>
          lineOptions(colors, frame, "requests in flight", [
            ["in flight", series.inFlight],
          ]),
        { height: 220 },
      ),
    ),
    metric && element(
      "div.controls",
      {},
      choice(
        "series-metric",
        "Latency over time",
        metrics.map((name) => ({
          value: name,
          label: metricOf(data, name).label,
        })),
        { value: metric, onChoice: (series) => view.choose({ series }) },
      ),
    ),
    element(
      "div.pair",
      {},
      metric && chartElement(
        `p50 and p95 of ${label} over time, ${every}, and single requests`,
        (colors) =>
          latencyOptions(colors, frame, {
            metric,
            label,
            quantiles: series[metric]!,
            requests,
          }),
        { height: 260 },
      ),
      series.outputTokensPerSecond && chartElement(
        `Output tokens per second over time, ${every}`,
        (colors) =>
          lineOptions(colors, frame, "output tokens/s", [
            ["output tokens/s", series.outputTokensPerSecond!],
          ]),
        { height: 260 },
      ),
    ),
    element(
      "p.hint",
      {},
      `There is ${every}. Requests are counted when they end. Shaded times are not measured: warm-up, cool-down, and the wait for the last answers.`,
    ),
    disclosure("series-data", "The series as a table", () => [
      seriesTable(frame),
    ]),
  );
}

/** The time of a stage and what happened in it. */
interface Frame {
  readonly startMs: number;
  readonly endS: number;
  /** Begin and end of the measured window. */
  readonly measured: readonly [number, number];
  readonly series: Series;
}

function pointsOf(
  { series, startMs }: Frame,
  values: readonly (number | null)[],
): Point[] {
  const first = (series.startMs - startMs) / 1000;
  const width = series.widthMs / 1000;
  return values.map((value, i) => [first + (i + 0.5) * width, value]);
}

function timeOptions(
  colors: Colors,
  { endS, measured: [from, until] }: Frame,
  { name, series, ...more }: {
    name: string;
    series: readonly object[];
  } & Readonly<Record<string, unknown>>,
): object {
  const outside = [[0, from], [until, endS]].filter(([a = 0, b = 0]) =>
    b - a > endS / 500
  );
  const [first, ...others] = series;
  return chartOptions(colors, {
    grid: { left: 8, right: 20, top: 40, bottom: 34, containLabel: true },
    xAxis: linearAxis(colors, "seconds since the stage began", { max: endS }),
    yAxis: linearAxis(colors, name, { isVertical: true }),
    ...more,
    series: [
      {
        ...first,
        markArea: {
          silent: true,
          itemStyle: { color: colors.muted, opacity: 0.13 },
          data: outside.map(([a, b]) => [{ xAxis: a }, { xAxis: b }]),
        },
      },
      ...others,
    ],
  });
}

/** Lines of values over time, with a symbol on each where there are few. */
function lineOptions(
  colors: Colors,
  frame: Frame,
  name: string,
  lines: readonly (readonly [string, readonly (number | null)[]])[],
): object {
  return timeOptions(colors, frame, {
    name,
    tooltip: { trigger: "axis", formatter: timeTooltip },
    ...(lines.length > 1 && {
      legend: legendOptions(colors, lines.map(([name]) => name)),
    }),
    series: lines.map(([name, values]) => line(frame, name, values)),
  });
}

function line(
  frame: Frame,
  name: string,
  values: readonly (number | null)[],
): object {
  return {
    type: "line",
    name,
    data: pointsOf(frame, values),
    symbol: values.length > 60 ? "none" : "circle",
    symbolSize: 4,
    lineStyle: { width: 2 },
  };
}

function rateOptions(colors: Colors, frame: Frame): object {
  const { requestsPerSecond, errors, widthMs } = frame.series;
  const failed = errors.map((count) => count * 1000 / widthMs);
  const hasFailed = failed.some((rate) => rate > 0);
  return timeOptions(colors, frame, {
    name: "requests/s",
    tooltip: { trigger: "axis", formatter: timeTooltip },
    legend: legendOptions(colors, hasFailed ? ["ok", "failed"] : undefined),
    series: [
      line(frame, "ok", requestsPerSecond),
      ...(hasFailed
        ? [{
          ...line(frame, "failed", failed),
          lineStyle: { color: colors.bad, width: 2 },
          itemStyle: { color: colors.bad },
        }]
        : []),
    ],
  });
}

function latencyOptions(
  colors: Colors,
  frame: Frame,
  { metric, label, quantiles, requests }: {
    readonly metric: string;
    readonly label: string;
    readonly quantiles: SeriesQuantiles;
    readonly requests: readonly RequestDetails[];
  },
): object {
  const dots = requests.flatMap(({ values, endedMs, dispatchedMs, status }) => {
    // A failed request has no place but after how long it failed.
    const value = status === "ok" ? values[metric] : endedMs - dispatchedMs;
    return value === undefined
      ? []
      : [{ status, value: [(endedMs - frame.startMs) / 1000, value] }];
  });
  const failed = dots.filter(({ status }) => status !== "ok");
  const answered = dots.filter(({ status }) => status === "ok");
  return timeOptions(colors, frame, {
    name: `${label}, ms`,
    tooltip: { trigger: "axis", formatter: timeTooltip },
    legend: legendOptions(colors, [
      "p50",
      "p95",
      "request",
      ...(failed.length > 0 ? [FAILED] : []),
    ]),
    series: [
      { ...line(frame, "p50", quantiles.p50), z: 3 },
      { ...line(frame, "p95", quantiles.p95), z: 3 },
      {
        type: "scatter",
        name: "request",
        data: answered,
        symbolSize: 4,
        itemStyle: { color: colors.muted, opacity: 0.5 },
        tooltip: { show: false },
      },
      {
        type: "scatter",
        name: FAILED,
        data: failed,
        symbol: "triangle",
        symbolSize: 7,
        itemStyle: { color: colors.bad },
        tooltip: { show: false },
      },
    ],
  });
}

/** Name of the failed requests in the legend. */
const FAILED = "failed, after this time";

function timeTooltip(
  items: readonly {
    readonly seriesType: string;
    readonly seriesName: string;
    readonly data: Point;
  }[],
): string {
  const lines = items.filter(({ seriesType }) => seriesType === "line");
  const [first] = lines;
  if (!first) return "";
  return [
    `at ${formatNumber(first.data[0])} s`,
    ...lines.map(({ seriesName, data: [, value] }) =>
      `${seriesName}: ${value === null ? "–" : formatNumber(value)}`
    ),
  ].join("\n");
}

function seriesTable(frame: Frame): HTMLElement {
  const { series } = frame;
  const times = pointsOf(frame, series.requestsPerSecond);
  const optional = (value: number | null | undefined, unit: "ms" | "count") =>
    value === null || value === undefined ? "–" : formatValue(value, unit);
  return table(
    "Values of each interval, by the seconds since the stage began at its middle",
    [
      { head: "s", cell: (i) => formatNumber(times[i]![0]) },
      {
        head: "ok/s",
        cell: (i) => optional(series.requestsPerSecond[i], "count"),
      },
      { head: "failed", cell: (i) => optional(series.errors[i], "count") },
      { head: "in flight", cell: (i) => optional(series.inFlight[i], "count") },
      ...METRICS.filter((name) => series[name]).map((name) => ({
        head: `${name} p50 / p95`,
        cell: (i: number) =>
          `${optional(series[name]!.p50[i], "ms")} / ${
            optional(series[name]!.p95[i], "ms")
          }`,
      })),
    ],
    times.map((_, i) => i),
  );
}
