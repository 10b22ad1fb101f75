import type { StageReport, Summary } from "../plugins/mod.ts";
import type { UtteranceDetails } from "../reporters/html/stage_details.ts";
import type { WordDifference } from "../reporters/html/word_differences.ts";
import { chartElement, type Colors } from "./chart.ts";
import { chartOptions, linearAxis } from "./chart_options.ts";
import { type Column, element, foreignText, table } from "./element.ts";
import { formatInterval, formatNumber, formatValue, plural } from "./format.ts";
import { chosenStage, metricOf, stageName, type View } from "./state.ts";

/** Speech over the stages, and the utterances of the chosen one with the most word errors. */
export function speechSection(view: View): HTMLElement | undefined {
  const { data } = view;
  const rows = data.stages.flatMap(({ report }, i): Row[] =>
    report ? [{ report, name: stageName(data, i) }] : []
  );
  const isSpeech = rows.some(({ report }) =>
    report.metrics["audioSeconds"] || report.metrics["finalization"]
  );
  if (!isSpeech) return undefined;
  const utterances = chosenStage(view)?.details?.utterances ?? [];
  const normalizer = data.info.run.config.normalizer;
  return element(
    "section",
    { id: "speech", "aria-labelledby": "speech-head" },
    element("h2", { id: "speech-head" }, "Speech"),
    table(
      "Speech by stage. Times are p50 and p95, in milliseconds.",
      columnsOf(view, rows),
      rows,
    ),
    rows.filter(({ report }) => report.quality.wer).length > 1 && chartElement(
      `Word error rate of each stage: ${
        rows.map(({ name, report: { quality } }) =>
          `${name} ${formatValue(quality.wer?.value ?? 0, "share")}`
        ).join(", ")
      }`,
      (colors) => errorRateOptions(colors, rows),
      { height: 90 + 34 * rows.length },
    ),
    utterances.length > 0 && element(
      "div",
      {},
      element(
        "h3",
        {},
        "Utterances with the most word errors, ",
        foreignText(stageName(data, view.choices.stage)),
      ),
      element(
        "p.hint",
        {},
        `Words after the normalizer “${normalizer}”: `,
        element("del", {}, "left out"),
        " ",
        element("ins", {}, "added"),
        " ",
        substitution("expected", "recognized"),
        `. The page has the ${data.limits.utterances} worst of a stage, at most 200 words of each.`,
      ),
      element("ol.utterances", {}, utterances.map(utterance)),
    ),
  );
}

interface Row {
  readonly report: StageReport;
  readonly name: string;
}

function columnsOf(view: View, rows: readonly Row[]): Column<Row>[] {
  const { data } = view;
  const metric = (name: string): Column<Row>[] => {
    const { label, formula } = metricOf(data, name);
    return rows.some(({ report }) => report.metrics[name])
      ? [{
        head: label,
        title: `${label} = ${formula}`,
        cell: ({ report }) => quantiles(report.metrics[name]),
      }]
      : [];
  };
  const hasLateness = rows.some(({ report }) => report.client.chunkLateness);
  return [
    { head: "stage", isText: true, cell: ({ name }) => foreignText(name) },
    ...metric("ttft"),
    ...metric("finalization"),
    ...metric("deltaGap"),
    ...metric("revisions"),
    {
      head: "RTFx of all",
      title: "seconds of audio of the answered requests per second",
      cell: ({ report: { rates } }) =>
        rates.rtfxAggregate === undefined
          ? "–"
          : formatNumber(rates.rtfxAggregate),
    },
    ...(rows.some(({ report }) => report.quality.wer)
      ? [{
        head: "WER",
        title:
          "word error rate, its 95 % interval, and the substitutions, deletions and insertions among the reference words",
        cell: ({ report }: Row) => {
          const { wer } = report.quality;
          const bounds = report.withinRunIntervals?.quality.wer;
          if (wer?.value === undefined) return "–";
          return [
            formatValue(wer.value, "share"),
            bounds && element("small", {}, formatInterval(bounds, "share")),
            element(
              "small",
              {},
              `S ${wer.s} D ${wer.d} I ${wer.i} of ${formatNumber(wer.n)}`,
            ),
          ];
        },
      }]
      : []),
    ...(hasLateness
      ? [{
        head: "chunk lateness",
        title: "how late this client sent the chunks of audio",
        cell: ({ report }: Row) => quantiles(report.client.chunkLateness),
      }]
      : []),
  ];
}

function quantiles(summary: Summary | undefined): string {
  return summary
    ? [summary.p50, summary.p95].map(formatNumber).join(" / ")
    : "–";
}

function errorRateOptions(colors: Colors, rows: readonly Row[]): object {
  const [color] = colors.series;
  const stages = rows.filter(({ report }) =>
    report.quality.wer?.value !== undefined
  );
  interface Api {
    value(dimension: number): number;
    coord(point: readonly number[]): [number, number];
  }
  return chartOptions(colors, {
    grid: { left: 8, right: 28, top: 12, bottom: 34, containLabel: true },
    xAxis: linearAxis(colors, "word error rate, %"),
    yAxis: {
      type: "category",
      inverse: true,
      data: stages.map(({ name }) => name),
      axisLabel: { color: colors.ink, width: 130, overflow: "truncate" },
      axisLine: { lineStyle: { color: colors.muted } },
      axisTick: { show: false },
    },
    tooltip: { show: false },
    series: [
      {
        type: "scatter",
        symbolSize: 11,
        itemStyle: { color },
        data: stages.map(({ report }, i) => [
          100 * report.quality.wer!.value!,
          i,
        ]),
      },
      {
        type: "custom",
        silent: true,
        z: 1,
        data: stages.flatMap(({ report }, i) => {
          const bounds = report.withinRunIntervals?.quality.wer;
          return bounds ? [[100 * bounds.lower, i, 100 * bounds.upper]] : [];
        }),
        encode: { x: [0, 2], y: 1 },
        renderItem(_: unknown, api: Api) {
          const [x1, y1] = api.coord([api.value(0), api.value(1)]);
          const [x2, y2] = api.coord([api.value(2), api.value(1)]);
          return {
            type: "line",
            shape: { x1, y1, x2, y2 },
            style: { stroke: color, lineWidth: 5, opacity: 0.35 },
          };
        },
      },
    ],
  });
}

function utterance({ id, audio, words }: UtteranceDetails): HTMLElement {
  const count = (kind: WordDifference[0]) =>
    words.filter(([each]) => each === kind).length;
  const references = words.length - count("inserted");
  const errors = words.length - count("same");
  return element(
    "li",
    {},
    element(
      "p.hint",
      {},
      foreignText(audio),
      ` · request ${id} · ${plural(errors, "error")} in ${
        plural(references, "word")
      }`,
    ),
    element(
      "p.words",
      { dir: "auto" },
      words.flatMap((each) => [word(each), " "]),
    ),
  );
}

function word(difference: WordDifference): HTMLElement {
  switch (difference[0]) {
    case "same":
      return foreignText(difference[1]);
    case "deleted":
      return element("del", { title: "left out" }, foreignText(difference[1]));
    case "inserted":
      return element("ins", { title: "added" }, foreignText(difference[1]));
    case "substituted":
      return substitution(difference[1], difference[2]);
  }
}

function substitution(expected: string, given: string): HTMLElement {
  return element(
    "span.substituted",
    { title: `“${given}” in place of “${expected}”` },
    element("del", {}, foreignText(expected)),
    element("ins", {}, foreignText(given)),
  );
}
