import type { StageReport } from "../plugins/mod.ts";
import { answerOf, type Statement, VERDICTS } from "./answer.ts";
import {
  type Column,
  disclosure,
  element,
  foreignText,
  messageBox,
  table,
} from "./element.ts";
import { formatInterval, formatNumber, formatValue, plural } from "./format.ts";
import { metricOf, stageName, type View } from "./state.ts";

/** Signs of a statement's tone, beside its colour. */
const SIGNS: Readonly<Record<Statement["tone"], readonly [string, string]>> = {
  good: ["✓", "good: "],
  warning: ["!", "warning: "],
  bad: ["✕", "bad: "],
  plain: ["", ""],
};

/** The answer: statements, then the stages in one table. */
export function answerSection(view: View): HTMLElement {
  const { data } = view;
  return element(
    "section",
    { id: "answer", "aria-labelledby": "answer-head" },
    element("h2", { id: "answer-head" }, "Answer"),
    data.progress && progressLine(data.progress),
    element("dl.answer", {}, answerOf(data).flatMap(statementRow)),
    data.stages.length > 1 && stageTable(view),
    ...searchTables(view),
    ...repeatTables(view),
  );
}

function statementRow(
  { topic, tone, text, items = [], quote }: Statement,
): HTMLElement[] {
  const [sign, word] = SIGNS[tone];
  return [
    element(`dt`, { class: tone }, foreignText(topic)),
    element(
      "dd",
      { class: tone },
      element("span.sign", { "aria-hidden": true }, sign),
      word !== "" && element("span.unseen", {}, word),
      foreignText(text),
      items.length > 0 &&
        element(
          "ul",
          {},
          items.map((item) => element("li", {}, foreignText(item))),
        ),
      quote !== undefined && messageBox(quote),
    ),
  ];
}

function progressLine(
  { name, phase, inFlight, counts, requestsPerSecond, remainingMs }:
    NonNullable<View["data"]["progress"]>,
): HTMLElement {
  const failed = counts.error + counts.timeout;
  const parts = [
    phase === "measure" ? "measuring" : phase,
    `${formatNumber(counts.ok)} ok`,
    `${formatNumber(failed)} failed`,
    `${formatNumber(inFlight)} in flight`,
    `${formatNumber(requestsPerSecond)}/s`,
    ...(remainingMs === undefined
      ? []
      : [`${formatNumber(remainingMs / 1000)} s left`]),
  ];
  return element(
    "p.live",
    { role: "status" },
    element("strong", {}, foreignText(name)),
    `: ${parts.join(" · ")}`,
  );
}

/** A stage of the table, with its index. */
interface Row {
  readonly stage: StageReport;
  readonly index: number;
}

/** Metrics of the table; the latency of speech follows from the length of its audio, and is left out. */
const COLUMNS = ["ttft", "finalization", "itl", "latency"];

function stageTable(view: View): HTMLElement {
  const { data, choices } = view;
  const rows = data.stages.flatMap(({ report }, index): Row[] =>
    report ? [{ stage: report, index }] : []
  );
  const has = (valueOf: (stage: StageReport) => unknown) =>
    rows.some(({ stage }) => valueOf(stage));
  const columns: Column<Row>[] = [
    {
      head: "stage",
      isText: true,
      cell: ({ index }) =>
        element(
          "button.link",
          {
            id: `row-${index}`,
            "aria-pressed": String(index === choices.stage),
            title: "Show this stage below",
            onclick: () => view.choose({ stage: index, request: undefined }),
          },
          foreignText(stageName(data, index)),
        ),
    },
    {
      head: "requests/s",
      cell: ({ stage }) => rate(stage, "requestsPerSecond"),
    },
    ...(has(({ rates }) => rates.rtfxAggregate)
      ? [{
        head: "RTFx",
        cell: ({ stage }: Row) => rate(stage, "rtfxAggregate"),
      }]
      : has(({ rates }) => rates.outputTokensPerSecond)
      ? [{
        head: "tokens/s",
        cell: ({ stage }: Row) => rate(stage, "outputTokensPerSecond"),
      }]
      : []),
    ...COLUMNS.filter((name) =>
      has(({ metrics }) => metrics[name]) &&
      !(name === "latency" && has(({ metrics }) => metrics["finalization"]))
    ).flatMap((name) => quantileColumns(view, name)),
    ...(has(({ quality }) => quality.wer)
      ? [{
        head: "WER",
        cell: ({ stage: { quality } }: Row) =>
          quality.wer?.value === undefined
            ? "–"
            : formatValue(quality.wer.value, "share"),
      }]
      : []),
    { head: "ok", cell: ({ stage }) => formatNumber(stage.counts.ok) },
    {
      head: "failed",
      cell: ({ stage: { counts } }) =>
        formatNumber(counts.error + counts.timeout),
    },
    ...(has(({ slo }) => slo?.length)
      ? [{ head: "SLOs", isText: true, cell: ({ stage }: Row) => slos(stage) }]
      : []),
    {
      head: "verdict",
      isText: true,
      cell: ({ stage: { verdict } }) =>
        element(
          "span",
          {
            class: verdict.status === "valid" ? "good" : "warning",
            title: verdict.reasons.join("; ") || VERDICTS[verdict.status],
          },
          verdict.status,
        ),
    },
  ];
  return table(
    "Stages. Latencies are p50 and p95, in milliseconds.",
    columns,
    rows,
    ({ index }) => index === choices.stage ? "chosen" : undefined,
  );
}

function quantileColumns({ data }: View, name: string): Column<Row>[] {
  const { label, formula } = metricOf(data, name);
  return [{
    head: label,
    title: `${label} = ${formula}`,
    cell: ({ stage }) => {
      const summary = stage.metrics[name];
      if (!summary) return "–";
      return `${formatNumber(summary.p50)} / ${formatNumber(summary.p95)}`;
    },
  }];
}

function rate(
  { rates }: StageReport,
  name: keyof StageReport["rates"],
): string {
  const value = rates[name];
  return value === undefined ? "–" : formatNumber(value);
}

function slos({ slo = [] }: StageReport): HTMLElement {
  const missed = slo.filter(({ pass }) => !pass);
  return missed.length === 0 ? element("span.good", {}, "✓ met") : element(
    "span.bad",
    { title: missed.map(({ objective }) => objective).join(", ") },
    `✕ ${
      missed.length === slo.length
        ? "missed"
        : `${missed.length} of ${slo.length} missed`
    }`,
  );
}

/** The levels of each search, in the order in which they were tried. */
function searchTables({ data, choose }: View): HTMLElement[] {
  return (data.end?.capacities ?? []).map(({ levels, of }) =>
    table(
      "Levels of the search, in the order in which they were tried",
      [
        {
          head: of === "rate" ? "requests/s" : "streams",
          cell: ({ level, stage }) =>
            data.stages[stage]
              ? element("button.link", {
                id: `level-${stage}`,
                onclick: () => choose({ stage, request: undefined }),
                title: "Show this stage below",
              }, formatNumber(level))
              : formatNumber(level),
        },
        {
          head: "outcome",
          isText: true,
          cell: ({ outcome }) =>
            element("span", {
              class: outcome === "pass"
                ? "good"
                : outcome === "undecided" || outcome === "client-limited"
                ? "warning"
                : "bad",
            }, outcome),
        },
        {
          head: "reason",
          isText: "long",
          cell: ({ reason }) => foreignText(reason),
        },
      ],
      levels,
    )
  );
}

/** Each stage over its repetitions. */
function repeatTables({ data }: View): HTMLElement[] {
  return (data.end?.repeats ?? []).map((repeat) => {
    const { stage, runs, confidence, metrics, rates } = repeat;
    const rows = [
      ...Object.entries(rates).map(([name, interval]) => ({
        name,
        of: "",
        interval,
        unit: name === "wer" || name === "cer" || name === "errorRate"
          ? "share" as const
          : "count" as const,
      })),
      ...Object.entries(metrics).flatMap(([name, { unit, ...statistics }]) =>
        Object.entries(statistics).filter(([, interval]) => interval).map((
          [of, interval],
        ) => ({ name, of, interval: interval!, unit: unit as "ms" }))
      ),
    ];
    return disclosure(
      `repeat-${stage}`,
      `${stage}, over ${plural(runs, "repetition")}`,
      () => [
        table(
          `Means over ${runs} repetitions, with the interval that contains the value with a probability of ${
            formatNumber(100 * confidence)
          } %`,
          [
            {
              head: "figure",
              isText: true,
              cell: ({ name, of }) => `${metricOf(data, name).label} ${of}`,
            },
            {
              head: "mean",
              cell: ({ interval, unit }) => formatValue(interval.mean, unit),
            },
            {
              head: "interval",
              cell: ({ interval, unit }) => formatInterval(interval, unit),
            },
          ],
          rows,
        ),
      ],
    );
  });
}
