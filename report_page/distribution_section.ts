import type { MetricSummary, StageReport } from "../plugins/mod.ts";
import type { HistogramDetails } from "../reporters/html/stage_details.ts";
import { chartElement, type Colors } from "./chart.ts";
import { chartOptions, linearAxis, logAxis } from "./chart_options.ts";
import { type Bar, cumulative, joinMarks, logBars } from "./distribution.ts";
import {
  type Child,
  choice,
  type Column,
  disclosure,
  element,
  table,
} from "./element.ts";
import { formatInterval, formatNumber, formatValue } from "./format.ts";
import { logScale } from "./scales.ts";
import { chosenStage, metricOf, stageName, type View } from "./state.ts";

const LENGTHS = ["inputTokens", "outputTokens", "audioSeconds"];

/** Percentiles of the metrics of a stage, and the distribution of one. */
export function distributionSection(view: View): HTMLElement | undefined {
  const { data, choices } = view;
  const stage = chosenStage(view);
  if (!stage) return undefined;
  const { report, details } = stage;
  const histograms = details?.histograms ?? {};
  const available = data.metrics.filter(({ name }) => histograms[name]);
  const chosen = available.find(({ name }) => name === choices.distribution) ??
    available[0];
  const histogram = chosen && histograms[chosen.name];
  return element(
    "section",
    { id: "distributions", "aria-labelledby": "distributions-head" },
    element("h3", { id: "distributions-head" }, "Latencies and lengths"),
    report && percentileTable(view, report),
    chosen && histogram && element(
      "div.controls",
      {},
      choice(
        "distribution",
        "Distribution of",
        available.map(({ name, label, isOfClient }) => ({
          value: name,
          label,
          group: isOfClient
            ? "Client"
            : LENGTHS.includes(name)
            ? "Lengths"
            : "Server",
        })),
        {
          value: chosen.name,
          onChoice: (distribution) => view.choose({ distribution }),
        },
      ),
    ),
    chosen && histogram &&
      distributionCharts(view, chosen.name, histogram),
    !details && element(
      "p.note",
      {},
      "This page was made from a report without samples: distributions, single requests and lanes need them.",
    ),
  );
}

/** A metric of a stage: a row of the table. */
interface Row {
  readonly name: string;
  readonly summary: MetricSummary;
}

const QUANTILES = ["p50", "p90", "p95", "p99", "p999"] as const;

function percentileTable(view: View, report: StageReport): HTMLElement {
  const { data } = view;
  const rows = Object.entries(report.metrics).map(([name, summary]) => ({
    name,
    summary,
  }));
  const intervals = report.withinRunIntervals?.metrics ?? {};
  const few = rows.some(({ summary }) => summary.valuesNeeded);
  const columns: Column<Row>[] = [
    {
      head: "metric",
      isText: true,
      cell: ({ name, summary: { unit } }) => {
        const { label, formula } = metricOf(data, name);
        return element(
          "span",
          { title: formula },
          unit === "count" || unit === "ratio" || label.endsWith(unit)
            ? label
            : `${label}, ${unit}`,
        );
      },
    },
    { head: "n", cell: ({ summary }) => formatNumber(summary.n) },
    { head: "mean", cell: ({ summary }) => formatNumber(summary.mean) },
    ...QUANTILES.map((quantile): Column<Row> => ({
      head: quantile === "p999" ? "p99.9" : quantile,
      cell: ({ name, summary }) => {
        const needed = summary.valuesNeeded?.[quantile];
        const bounds = quantile === "p999"
          ? undefined
          : intervals[name]?.[quantile];
        const children: Child[] = [
          element(
            "span",
            needed === undefined ? {} : {
              class: "few",
              title: `too few values: needs ${needed}`,
            },
            formatNumber(summary[quantile]) + (needed === undefined ? "" : "*"),
          ),
          bounds &&
          element("small", {}, formatInterval(bounds, "count")),
        ];
        return children;
      },
    })),
    { head: "max", cell: ({ summary }) => formatNumber(summary.max) },
  ];
  return element(
    "div",
    {},
    rows.length > 0
      ? table(
        "Of the measured requests that ended ok. Small numbers are 95 % confidence intervals within the run.",
        columns,
        rows,
      )
      : element("p.note", {}, "No request ended ok: there is no latency."),
    few &&
      element(
        "p.hint",
        {},
        "* from fewer values than this percentile needs: it is little more than the largest value.",
      ),
  );
}

function distributionCharts(
  view: View,
  name: string,
  histogram: HistogramDetails,
): HTMLElement {
  const { data, choices } = view;
  const { label, unit } = metricOf(data, name);
  const title = unit === "count" || unit === "ratio" || label.endsWith(unit)
    ? label
    : `${label}, ${unit}`;
  const summary = data.stages[choices.stage]?.report?.metrics[name];
  const bars = logBars(histogram);
  const others = data.stages.flatMap(({ details }, i) => {
    const other = details?.histograms[name];
    return other && i !== choices.stage
      ? [{ name: stageName(data, i), points: cumulative(other) }]
      : [];
  }).slice(0, MOST_CURVES);
  const points = cumulative(histogram);
  return element(
    "div",
    {},
    element(
      "div.pair",
      {},
      chartElement(
        `Histogram of ${label}. ${inWords(summary)}`,
        (colors) => histogramOptions(colors, { bars, title, summary }),
      ),
      chartElement(
        `Share of values of ${label} that are at most a value. ${
          inWords(summary)
        }`,
        (colors) =>
          cumulativeOptions(colors, {
            points,
            others,
            title,
            name: stageName(data, choices.stage),
          }),
      ),
    ),
    others.length > 0 &&
      element("p.hint", {}, "Grey lines are the other stages."),
    disclosure("distribution-data", "The distribution as a table", () => [
      table(
        `${title}: share of the values in each bar, and up to its end`,
        [
          {
            head: title,
            cell: ({ from, to }) =>
              `${formatNumber(from)} – ${formatNumber(to)}`,
          },
          { head: "share", cell: ({ share }) => formatValue(share, "share") },
        ],
        bars.filter(({ share }) => share > 0),
      ),
    ]),
  );
}

/** Curves of other stages behind the chosen one. */
const MOST_CURVES = 12;

function inWords(summary: MetricSummary | undefined): string {
  if (!summary) return "";
  const { unit, p50, p95, p99 } = summary;
  return `Median ${formatValue(p50, unit)}, p95 ${
    formatValue(p95, unit)
  }, p99 ${formatValue(p99, unit)}.`;
}

function histogramOptions(
  colors: Colors,
  { bars, title, summary }: {
    readonly bars: readonly Bar[];
    readonly title: string;
    readonly summary: MetricSummary | undefined;
  },
): object {
  interface Api {
    value(dimension: number): number;
    coord(point: readonly number[]): [number, number];
  }
  const scale = logScale(bars.flatMap(({ from, to }) => [from, to]), 6);
  const [color] = colors.series;
  const marks = summary
    ? (["p50", "p95", "p99"] as const).map((name) => ({
      name,
      value: summary[name],
    })).filter(({ value }) => value > 0)
    : [];
  return chartOptions(colors, {
    grid: { left: 8, right: 20, top: 40, bottom: 34, containLabel: true },
    xAxis: logAxis(colors, `${title} (logarithmic)`, scale),
    yAxis: linearAxis(colors, "% of values", { isVertical: true }),
    tooltip: {
      formatter: ({ data }: { data: unknown }) =>
        Array.isArray(data)
          ? `${formatNumber(10 ** data[0])} – ${formatNumber(10 ** data[1])}: ${
            formatNumber(data[2])
          } %`
          : "",
    },
    series: [{
      type: "custom",
      data: bars.filter(({ share }) => share > 0).map(({ from, to, share }) => [
        Math.log10(from),
        Math.log10(to),
        100 * share,
      ]),
      encode: { x: [0, 1], y: 2 },
      renderItem(_: unknown, api: Api) {
        const [x, y] = api.coord([api.value(0), api.value(2)]);
        const [end, bottom] = api.coord([api.value(1), 0]);
        return {
          type: "rect",
          shape: {
            x,
            y: Math.min(y, bottom - 1),
            width: Math.max(1, end - x - 1),
            height: Math.max(1, bottom - y),
          },
          style: { fill: color },
        };
      },
      markLine: {
        silent: true,
        symbol: "none",
        lineStyle: { color: colors.ink, type: "dotted" },
        label: {
          color: colors.ink,
          formatter: ({ name }: { name: string }) => name,
        },
        data: joinMarks(marks, scale).map(({ name, value }) => ({
          name,
          xAxis: Math.log10(value),
        })),
      },
    }],
  });
}

type Points = readonly (readonly [number, number])[];

function cumulativeOptions(
  colors: Colors,
  { points, others, title, name }: {
    readonly points: Points;
    readonly others: readonly {
      readonly name: string;
      readonly points: Points;
    }[];
    readonly title: string;
    readonly name: string;
  },
): object {
  const all = [points, ...others.map(({ points }) => points)].flat();
  const scale = logScale(all.map(([value]) => value), 6);
  const toLog = (points: Points) =>
    points.map(([value, share]) => [Math.log10(value), 100 * share]);
  const line = { type: "line", symbol: "none", triggerLineEvent: true };
  return chartOptions(colors, {
    grid: { left: 8, right: 20, top: 40, bottom: 34, containLabel: true },
    xAxis: logAxis(colors, `${title} (logarithmic)`, scale),
    yAxis: linearAxis(colors, "% of values that are at most this", {
      isVertical: true,
      max: 100,
      interval: 25,
    }),
    tooltip: {
      trigger: "axis",
      formatter: (items: { seriesName: string; data: number[] }[]) => {
        const item = items.find(({ seriesName }) => seriesName === name);
        return item
          ? `${formatNumber(item.data[1]!)} % are at most ${
            formatNumber(10 ** item.data[0]!)
          }`
          : "";
      },
    },
    series: [
      ...others.map((other) => ({
        ...line,
        name: other.name,
        silent: true,
        data: toLog(other.points),
        lineStyle: { color: colors.muted, width: 1, opacity: 0.6 },
        endLabel: { show: false },
      })),
      {
        ...line,
        name,
        data: toLog(points),
        lineStyle: { color: colors.series[0], width: 2.5 },
      },
    ],
  });
}
