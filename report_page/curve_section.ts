import { chartElement, type Colors, redrawChart } from "./chart.ts";
import { chartOptions, linearAxis, logAxis } from "./chart_options.ts";
import {
  type CurvePoint,
  curvePoints,
  type CurveQuantile,
  limitAnswer,
  loadAxes,
} from "./curve.ts";
import { choice, disclosure, element, foreignText, table } from "./element.ts";
import { formatInterval, formatNumber, formatValue } from "./format.ts";
import { logScale } from "./scales.ts";
import { HEADLINES, metricOf, reportsOf, type View } from "./state.ts";

/** Room above a point for its label, as a factor on the logarithmic axis. */
const LABEL_ROOM = 1.25;

const QUANTILES: readonly CurveQuantile[] = ["p50", "p90", "p95", "p99"];

/** Load against latency over the stages, and the highest load that keeps a limit. */
export function curveSection(view: View): HTMLElement | undefined {
  const { data, choices: { curve } } = view;
  const reports = data.stages.map(({ report }) => report);
  if (reportsOf(data).length < 2) return undefined;
  const axes = loadAxes(reportsOf(data));
  const axis = axes.find(({ name }) => name === curve.load) ?? axes[0];
  if (!axis) return undefined;
  const points = curvePoints(reports, { ...curve, load: axis.name });
  const { label } = metricOf(data, curve.metric);
  const what = `${curve.quantile} ${label}`;
  const answer = element("output", { for: "curve-limit", id: "curve-answer" });
  let { limit } = curve;
  const showAnswer = () => {
    const limitMs = Number(limit);
    answer.textContent = limit.trim() === "" || !(limitMs > 0)
      ? "The limit must be a number of milliseconds above 0."
      : limitAnswer(points, { what, limitMs, loadLabel: axis.label });
  };
  showAnswer();
  const chart = chartElement(
    `${what} against ${axis.label}, a point for each of ${points.length} stages. ${answer.textContent}`,
    (colors, width) =>
      curveOptions(colors, {
        points,
        axis: axis.label,
        what,
        limits: limitsOf(view, Number(limit)),
        isNarrow: width < 560,
      }),
    {
      height: 380,
      onClick: (data) => {
        if (!isPoint(data)) return;
        view.choose({ stage: data.point.stage, request: undefined });
      },
    },
  );
  const names = HEADLINES.filter((name) =>
    reportsOf(data).some(({ metrics }) => metrics[name])
  );
  const chooseCurve = (changes: Partial<typeof curve>) =>
    view.choose({ curve: { ...curve, limit, ...changes } });
  return element(
    "section",
    { id: "curve", "aria-labelledby": "curve-head" },
    element("h2", { id: "curve-head" }, "Throughput against latency"),
    element(
      "div.controls",
      {},
      choice(
        "curve-metric",
        "Latency",
        names.map((value) => ({ value, label: metricOf(data, value).label })),
        { value: curve.metric, onChoice: (metric) => chooseCurve({ metric }) },
      ),
      choice(
        "curve-quantile",
        "Percentile",
        QUANTILES.map((value) => ({ value, label: value })),
        {
          value: curve.quantile,
          onChoice: (value) =>
            chooseCurve({ quantile: value as CurveQuantile }),
        },
      ),
      choice(
        "curve-load",
        "Load",
        axes.map(({ name, label }) => ({ value: name, label })),
        { value: axis.name, onChoice: (load) => chooseCurve({ load }) },
      ),
      element(
        "label.choice",
        {},
        element("span", {}, "Limit, ms"),
        element("input", {
          id: "curve-limit",
          type: "number",
          min: 0,
          step: "any",
          inputmode: "decimal",
          value: curve.limit,
          oninput({ target }) {
            limit = (target as HTMLInputElement).value;
            showAnswer();
            redrawChart(chart);
            view.remember({ curve: { ...curve, limit } });
          },
        }),
      ),
    ),
    element("p.verdict", {}, answer),
    points.length > 0 && chart,
    element(
      "p.hint",
      {},
      "Bars are 95 % confidence intervals within the run. Hollow points are measurements that are not valid. A click on a point shows its stage below.",
    ),
    disclosure("curve-data", "The curve as a table", () => [
      table(`${what} against ${axis.label}`, [
        { head: "stage", isText: true, cell: ({ name }) => foreignText(name) },
        { head: axis.label, cell: ({ load }) => formatNumber(load) },
        { head: what, cell: ({ value }) => formatValue(value, "ms") },
        {
          head: "95 % interval",
          cell: ({ bounds }) => bounds ? formatInterval(bounds, "ms") : "–",
        },
      ], points),
    ]),
  );
}

/** A line at a latency. */
interface Limit {
  readonly name: string;
  readonly value: number;
}

/** The typed limit, and the objectives on the same percentile. */
function limitsOf(
  { data, choices: { curve } }: View,
  typed: number,
): Limit[] {
  const slos = reportsOf(data).flatMap(({ slo = [] }) => slo).filter((
    { metric, quantile },
  ) => metric === curve.metric && quantile === curve.quantile);
  const byName = new Map(
    slos.map(({ objective, limit }) => [objective, limit]),
  );
  const isKnown = [...byName.values()].includes(typed);
  return [
    ...[...byName].map(([name, value]) => ({ name, value })),
    ...(typed > 0 && !isKnown
      ? [{ name: formatValue(typed, "ms"), value: typed }]
      : []),
  ];
}

function isPoint(data: unknown): data is { readonly point: CurvePoint } {
  return typeof data === "object" && data !== null && "point" in data;
}

interface CurveOptions {
  readonly points: readonly CurvePoint[];
  readonly axis: string;
  readonly what: string;
  readonly limits: readonly Limit[];
  readonly isNarrow: boolean;
}

function curveOptions(
  colors: Colors,
  { points, axis, what, limits, isNarrow }: CurveOptions,
): object {
  const scale = logScale([
    ...points.flatMap(({ value, bounds }) => [
      value,
      value * LABEL_ROOM,
      ...(bounds ? [bounds.lower, bounds.upper] : []),
    ]),
    ...limits.map(({ value }) => value),
  ]);
  const [color] = colors.series;
  const prefix = sharedWords(points.map(({ name }) => name));
  const reaches = points.map(({ load, loadBounds }) =>
    loadBounds?.upper ?? load
  );
  return chartOptions(colors, {
    grid: { left: 8, right: 28, top: 36, bottom: 34, containLabel: true },
    xAxis: linearAxis(colors, axis, { reach: Math.max(...reaches) }),
    yAxis: logAxis(colors, `${what}, ms (logarithmic)`, scale, true),
    tooltip: {
      formatter: ({ data }: { data: unknown }) =>
        isPoint(data) ? tooltipOf(data.point, axis, what) : "",
    },
    series: [
      {
        type: "line",
        symbolSize: 10,
        lineStyle: { color, width: 2 },
        data: points.map((point) => ({
          point,
          value: [point.load, Math.log10(point.value)],
          symbol: "circle",
          itemStyle: point.isValid
            ? { color }
            : { color: colors.surface, borderColor: color, borderWidth: 2 },
        })),
        label: {
          show: !isNarrow || points.length < 6,
          position: "top",
          distance: 8,
          color: colors.ink,
          textBorderColor: colors.surface,
          textBorderWidth: 3,
          formatter: ({ data }: { data: { point: CurvePoint } }) =>
            shorten(data.point.name, prefix),
        },
        labelLayout: { hideOverlap: true },
        markLine: {
          silent: true,
          symbol: "none",
          lineStyle: { color: colors.bad, type: "dashed", width: 1.5 },
          label: {
            position: "insideStartTop",
            color: colors.bad,
            textBorderColor: colors.surface,
            textBorderWidth: 3,
            formatter: ({ name }: { name: string }) => name,
          },
          data: limits.map(({ name, value }) => ({
            name,
            yAxis: Math.log10(value),
          })),
        },
      },
      intervalSeries(points, color),
    ],
  });
}

/** Bars from the lower to the upper bound of each point, of latency and of load. */
function intervalSeries(points: readonly CurvePoint[], color: string): object {
  interface Api {
    value(dimension: number): number;
    coord(point: readonly number[]): [number, number];
  }
  const data = points.flatMap(({ load, value, bounds, loadBounds }) => [
    ...(bounds && bounds.lower > 0
      ? [[load, bounds.lower, load, bounds.upper]]
      : []),
    ...(loadBounds ? [[loadBounds.lower, value, loadBounds.upper, value]] : []),
  ]).map(([x1 = 0, y1 = 0, x2 = 0, y2 = 0]) => [
    x1,
    Math.log10(y1),
    x2,
    Math.log10(y2),
  ]);
  return {
    type: "custom",
    silent: true,
    clip: true,
    z: 1,
    data,
    renderItem(_: unknown, api: Api) {
      const [x1, y1] = api.coord([api.value(0), api.value(1)]);
      const [x2, y2] = api.coord([api.value(2), api.value(3)]);
      return {
        type: "line",
        shape: { x1, y1, x2, y2 },
        style: { stroke: color, lineWidth: 5, opacity: 0.35 },
      };
    },
  };
}

function tooltipOf(point: CurvePoint, axis: string, what: string): string {
  const { name, load, value, bounds, errorRate, isValid } = point;
  return [
    name,
    `${formatNumber(load)} ${axis}`,
    `${what} ${formatValue(value, "ms")}` +
    (bounds ? ` (${formatInterval(bounds, "ms")})` : ""),
    ...(errorRate > 0 ? [`${formatValue(errorRate, "share")} failed`] : []),
    ...(isValid ? [] : ["not a valid measurement"]),
  ].join("\n");
}

/** The words that all names begin with: a chart need not repeat them. */
function sharedWords([first = "", ...others]: readonly string[]): string {
  const words = first.split(/(?<= )/);
  let shared = "";
  for (const word of words.slice(0, -1)) {
    if (!others.every((name) => name.startsWith(shared + word))) break;
    shared += word;
  }
  return others.length > 0 ? shared : "";
}

/** Characters of a name in a chart. */
const LONGEST_LABEL = 24;

function shorten(whole: string, prefix: string): string {
  const name = whole.slice(prefix.length);
  return name.length > LONGEST_LABEL
    ? `${name.slice(0, LONGEST_LABEL - 1)}…`
    : name;
}
