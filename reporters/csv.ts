import { z } from "zod";
import {
  clientMetrics,
  defineReporter,
  metrics,
  metricsOf,
  metricsWithIntervals,
  type Report,
  type Reporter,
  type ReporterPlugin,
  type Sample,
  shareMetrics,
  type StageReport,
  type Summary,
  type WithinRunIntervals,
} from "../plugins/mod.ts";
import { formatPlugin } from "../plugins/spec.ts";
import { linesTo, type LineWriter } from "./line_writer.ts";
import { checkWritable, writeText } from "./output.ts";
import { type Cell, csvRow, plainJson } from "./safe_text.ts";
import { keys } from "./schema.ts";

/** Options of {@linkcode csvReporter}. */
export interface CsvOptions {
  /** File to write; `-` is standard output. */
  path: string;
  /**
   * Rows of the table: `stages`, written when the run has ended, or `requests`, written as they end.
   *
   * @default {"stages"}
   */
  rows?: "stages" | "requests";
}

/**
 * Writes a CSV table (RFC 4180) with the same columns in every run; docs/report.md describes them. A text that a
 * spreadsheet would run as a formula is preceded by an apostrophe.
 */
export const csvReporter: ReporterPlugin<CsvOptions> = defineReporter({
  name: "csv",
  summary: "A table with a row for each stage or request",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).describe(
      "File to write; - is standard output",
    ),
    rows: z.enum(["stages", "requests"]).default("stages").describe(
      "Rows of the table",
    ),
  }),
  async open({ path, rows }) {
    await checkWritable(path);
    return rows === "stages"
      ? { report: (report) => writeText(path, stageTable(report)) }
      : requestReporter(linesTo(path));
  },
});

function stageTable(report: Report): string {
  const rows = report.stages.map((stage, index) =>
    rowOf(stageTableColumns, { ...report, stage, index })
  );
  return [csvRow(stageColumns), ...rows].join("");
}

function requestReporter(lines: LineWriter): Reporter {
  let hasHead = false;
  function start(): void {
    if (!hasHead) lines.push(() => csvRow(requestColumns));
    hasHead = true;
  }
  return {
    start,
    samples(batch) {
      for (const sample of batch) {
        const line = () =>
          rowOf(requestTableColumns, { ...sample, values: metricsOf(sample) });
        lines.push(line, 5 + sample.deltas.length + sample.audioSent.length);
      }
    },
    async report() {
      start();
      await lines.end();
    },
    [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
  };
}

/** Columns of a table by name: functions that return the cell of a row. */
type Columns<Row> = Readonly<Record<string, (row: Row) => unknown>>;

function rowOf<Row>(columns: Columns<Row>, row: Row): string {
  return csvRow(Object.values(columns).map((cellOf) => toCell(cellOf(row))));
}

function toCell(value: unknown): Cell {
  return typeof value === "string" || typeof value === "number" ||
      typeof value === "boolean"
    ? value
    : undefined;
}

/** Returns a column for each key of an object in the row, named with a prefix and a suffix. */
function columnsOf<Row>(
  prefix: string,
  keys: readonly string[],
  partOf: (row: Row) => object | undefined,
  suffix = "",
): Columns<Row> {
  return Object.fromEntries(keys.map((key) => [
    prefix + key + suffix,
    (row) => Reflect.get(partOf(row) ?? {}, key),
  ]));
}

/** Stage of a report, with its index. */
type StageRow = Pick<Report, "earshot" | "run" | "interrupted"> & {
  readonly stage: StageReport;
  readonly index: number;
};

/** Metrics that a stage has besides those of its requests, if round trips were measured. */
const adjusted = ["ttftAdjustedForNetwork", "finalizationAdjustedForNetwork"];

/** Summaries of the client's condition, its shares aside. */
const clientSummaries = [
  "scheduleLag",
  "chunkLateness",
  "turnaround",
  "loopDelay",
  "rtt",
  "connectAhead",
] as const;

const stageTableColumns: Columns<StageRow> = {
  "run.id": ({ run }) => run.id,
  "run.startedAt": ({ run }) => run.startedAt,
  "earshot.version": ({ earshot }) => earshot.version,
  "run.seed": ({ run }) => run.config.seed,
  backend: ({ run }) => run.config.backend.use,
  ...columnsOf("backend.", ["dialect", "mode", "speed"], backendFacts),
  target: (row) => backendFacts(row).url ?? backendFacts(row).target,
  model: (row) => backendFacts(row).model,
  dataset: ({ run }) => run.config.data.map(({ use }) => use).join("+"),
  "run.load": ({ run }) =>
    [run.config.load].flat().map(formatPlugin).join("; "),
  interrupted: ({ interrupted }) => interrupted,
  stage: ({ index }) => index,
  name: ({ stage }) => stage.name,
  verdict: ({ stage }) => stage.verdict.status,
  "verdict.reasons": ({ stage }) => stage.verdict.reasons.join("; "),
  slo: ({ stage }) => sloResults(stage),
  load: ({ stage }) => plainJson(stage.load),
  ...columnsOf(
    "load.",
    ["kind", "concurrency", "spreadMs", "ratePerSecond", "maxInFlight"],
    ({ stage }) => stage.load,
  ),
  stopped: ({ stage }) => stage.stopped,
  ...columnsOf(
    "window.",
    ["startMs", "endMs", "warmupMs", "cooldownMs"],
    ({ stage }) => stage.window,
  ),
  ...columnsOf(
    "counts.",
    keys.counts.filter((key) => key !== "failures"),
    ({ stage }) => stage.counts,
  ),
  failures: ({ stage }) => numbersIn(stage.counts.failures),
  ...columnsOf("", keys.rates, ({ stage }) => stage.rates),
  "tokenCounts.input": ({ stage }) => numbersIn(stage.tokenCounts?.input),
  "tokenCounts.output": ({ stage }) => numbersIn(stage.tokenCounts?.output),
  ...errorRateColumns("wer"),
  ...errorRateColumns("cer"),
  ...columnsOf("arrivals.", keys.arrivals, ({ stage }) => stage.arrivals),
  ...columnsOf(
    "client.",
    ["cpu", "rssBytes", "queued", "method"],
    ({ stage }) => stage.client,
  ),
  ...Object.assign(
    {},
    ...metrics.map(({ name }) =>
      summaryColumns(name, ({ metrics }) => metrics[name])
    ),
    ...intervalColumns(),
    ...adjusted.map((name) =>
      summaryColumns(name, ({ metrics }) => metrics[name])
    ),
    ...clientSummaries.map((name) =>
      summaryColumns(`client.${name}`, ({ client }) => client[name])
    ),
    ...shareMetrics.map(({ name }) => ({
      ...summaryColumns(`client.${name}`, ({ client }) => client[name]),
      ...columnsOf<StageRow>(
        `client.${name}.`,
        ["maxAtMs"],
        ({ stage }) => stage.client[name],
      ),
      ...columnsOf<StageRow>(
        `client.${name}.added.`,
        ["p50", "p90", "p99"],
        ({ stage }) => stage.client[name]?.added,
      ),
    })),
  ),
};

/** Columns of a table of stages: the same in every run. */
export const stageColumns: readonly string[] = Object.keys(stageTableColumns);

function backendFacts({ run }: StageRow): Readonly<Record<string, unknown>> {
  return run.facts.backend ?? {};
}

function sloResults({ slo }: StageReport): string | undefined {
  return slo?.map(({ objective, pass }) =>
    `${objective} ${pass ? "met" : "missed"}`
  ).join("; ");
}

/** Joins numbers and their names in one cell. */
function numbersIn(
  numbers: Readonly<Record<string, number>> = {},
): string {
  return Object.entries(numbers).map(([name, n]) => `${name}=${n}`).join(" ");
}

function errorRateColumns(name: "wer" | "cer"): Columns<StageRow> {
  const sums = keys.errorRate.filter((key) => key !== "value");
  return {
    [name]: ({ stage }) => stage.quality[name]?.value,
    ...columnsOf(`${name}.`, sums, ({ stage }) => stage.quality[name]),
  };
}

function summaryColumns(
  name: string,
  summaryOf: (stage: StageReport) => Summary | undefined,
): Columns<StageRow> {
  const shown = keys.summary.filter((key) => key !== "quantileError");
  return columnsOf(`${name}.`, shown, ({ stage }) => summaryOf(stage));
}

/** Lower and upper end of each confidence interval within the run. */
function intervalColumns(): Columns<StageRow>[] {
  const ends = (
    name: string,
    boundsOf: (intervals: WithinRunIntervals) => object | undefined,
  ) =>
    columnsOf<StageRow>(
      `withinRun.${name}.`,
      ["lower", "upper"],
      ({ stage: { withinRunIntervals: all } }) => all && boundsOf(all),
    );
  return [
    ...metricsWithIntervals.flatMap((name) =>
      (["p50", "p90", "p95", "p99"] as const).map((quantile) =>
        ends(`${name}.${quantile}`, (all) => all.metrics[name]?.[quantile])
      )
    ),
    ...keys.rates.map((name) => ends(name, (all) => all.rates[name])),
    ...(["wer", "cer"] as const).map((name) =>
      ends(name, (all) => all.quality[name])
    ),
  ];
}

/** Sample with its metrics, which are computed once. */
type RequestRow = Sample & {
  readonly values: Readonly<Record<string, number>>;
};

/** Metrics with a list of values for each request, which a row cannot contain. */
const lists: readonly string[] = ["itl", "deltaGap", "chunkLateness"];

const requestTableColumns: Columns<RequestRow> = {
  id: ({ id }) => id,
  session: ({ session }) => session.id,
  turn: ({ session }) => session.turn,
  stage: ({ stage }) => stage,
  phase: ({ phase }) => phase,
  status: ({ outcome }) => outcome.status,
  ...columnsOf(
    "failure.",
    ["class", "code", "message"],
    ({ outcome }) => outcome.status === "ok" ? undefined : outcome.failure,
  ),
  "audio.id": ({ input }) => input.audioId,
  "audio.ms": ({ input }) => input.audioMs,
  scheduledMs: ({ scheduledMs }) => scheduledMs,
  dispatchedMs: ({ dispatchedMs }) => dispatchedMs,
  ...columnsOf("", keys.marks, ({ marks }) => marks, "Ms"),
  endedMs: ({ endedMs }) => endedMs,
  ...columnsOf(
    "",
    [...metrics, ...clientMetrics, ...shareMetrics].map(({ name }) => name)
      .filter((name) => !lists.includes(name)),
    ({ values }) => values,
  ),
  "countedBy.input": ({ output }) => counterOf("input", output),
  "countedBy.output": ({ output }) => counterOf("output", output),
  retried: ({ retried = 0 }) => retried,
  reads: ({ reads }) => reads.count,
  readBytes: ({ reads }) => reads.bytes,
  events: ({ reads }) => reads.events,
  deltas: ({ deltas }) => deltas.length,
  chunks: ({ audioSent }) => audioSent.length,
  texts: ({ input }) => input.texts,
  images: ({ input }) => input.images,
  embeddings: ({ output }) => output.embeddings?.count,
  dimensions: ({ output }) => output.embeddings?.dimensions,
  finishReason: ({ output }) => output.finishReason,
  text: ({ output }) => output.text,
  reference: ({ input }) => input.reference,
};

/** Columns of a table of requests: the same in every run. */
export const requestColumns: readonly string[] = Object.keys(
  requestTableColumns,
);

/** Returns the source of a token count; that of an unknown count is unknown. */
function counterOf(
  side: "input" | "output",
  { usage }: Sample["output"],
): string | undefined {
  if (usage?.[`${side}Tokens`] === undefined) return undefined;
  return usage.countedBy?.[side] ?? "server";
}
