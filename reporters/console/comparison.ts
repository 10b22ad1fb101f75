import type { StageReport } from "../../plugins/mod.ts";
import {
  displayWidth,
  type Look,
  optional,
  percent,
  plain,
  rounded,
  times,
  truncate,
  verdictColor,
} from "./format.ts";

interface Column {
  readonly head: string;
  /** Head for narrow tables. */
  readonly short?: string;
  readonly of: (stage: StageReport) => string | undefined;
  /** Whether a stage needs the column. @default Whether there is a value */
  readonly isNeeded?: (stage: StageReport) => boolean;
}

const columns: readonly Column[] = [
  { head: "ok", of: ({ counts }) => String(counts.ok) },
  {
    head: "failed",
    short: "fail",
    of: ({ counts }) => String(counts.error + counts.timeout),
  },
  {
    head: "cancelled",
    short: "cut",
    of: ({ counts }) => String(counts.cancelled),
    isNeeded: ({ counts }) => counts.cancelled > 0,
  },
  {
    head: "dropped",
    short: "drop",
    of: ({ counts }) => String(counts.dropped),
    isNeeded: ({ counts }) => counts.dropped > 0,
  },
  { head: "TTFT", of: quantiles("ttft") },
  { head: "finalization", short: "final", of: quantiles("finalization") },
  { head: "E2E latency", short: "E2E", of: quantiles("latency") },
  { head: "embeddings/s", of: rate("embeddingsPerSecond", rounded) },
  {
    head: "tokens/s",
    short: "tok/s",
    of: rate("outputTokensPerSecond", rounded),
  },
  { head: "RTFx", of: rate("rtfxAggregate", times) },
  {
    head: "WER",
    of: ({ quality }) => optional(quality.wer?.value, percent)[0],
  },
];

/** Formats the stages of a run as a table with a row for each. Columns without values are left out. */
export function comparisonLines(
  stages: readonly StageReport[],
  { width, paint }: Look,
): string[] {
  const verdicts = ["verdict", ...stages.map(({ verdict }) => verdict.status)];
  const names = ["stage", ...stages.map(({ name }) => plain(name))];
  const kept = columnsFor(stages);
  const long = tableOf(stages, kept);
  /** Width left for names beside margin, cells and gaps. */
  const roomIn = ({ widths }: Table, gap: string) =>
    width - 2 - sum(widths) - widest(verdicts) -
    (widths.length + 1) * gap.length;
  const table = roomIn(long, " ") >= widest(names)
    ? long
    : tableOf(stages, kept.map(shortened));
  const { rows, widths } = table;
  const gap = roomIn(table, "  ") >= widest(names) ? "  " : " ";
  const room = roomIn(table, gap);
  const nameWidth = Math.min(widest(names), Math.max(8, room));
  const lines = rows.map((row, i) => {
    const name = truncate(names[i] ?? "", nameWidth);
    const verdict = verdicts[i] ?? "";
    return "  " + [
      name + " ".repeat(nameWidth - displayWidth(name)),
      ...row.map((text, j) => text.padStart(widths[j] ?? 0)),
      i === 0 ? verdict : paint(verdictColor(verdict), verdict),
    ].join(gap);
  });
  const [head = "", ...body] = lines;
  return [
    paint("bold", "stages") + paint("dim", " · p50/p95 in ms"),
    paint("dim", head),
    ...body,
  ];
}

/** Cells between the names and the verdicts, heads first. */
interface Table {
  readonly rows: readonly (readonly string[])[];
  /** Width of each column. */
  readonly widths: readonly number[];
}

function tableOf(
  stages: readonly StageReport[],
  columns: readonly Column[],
): Table {
  const rows = [
    columns.map(({ head }) => head),
    ...stages.map((stage) => columns.map(({ of }) => of(stage) ?? "")),
  ];
  const widths = columns.map((_, i) => widest(rows.map((row) => row[i] ?? "")));
  return { rows, widths };
}

function shortened({ head, short = head, ...rest }: Column): Column {
  return { ...rest, head: short };
}

/** Returns the columns with values; of two similar ones, that for speech. */
function columnsFor(stages: readonly StageReport[]): Column[] {
  const filled = columns.filter(({ of, isNeeded }) =>
    stages.some((stage) => isNeeded ? isNeeded(stage) : of(stage) !== undefined)
  );
  const heads = new Set(filled.map(({ head }) => head));
  return filled.filter(({ head }) =>
    !(head === "E2E latency" && heads.has("finalization")) &&
    !(head === "tokens/s" && heads.has("RTFx"))
  );
}

function rate(
  name: keyof StageReport["rates"],
  format: (value: number) => string,
): Column["of"] {
  return ({ rates }) => optional(rates[name], format)[0];
}

function quantiles(metric: string): Column["of"] {
  return ({ metrics }) => {
    const found = metrics[metric];
    return found && `${rounded(found.p50)}/${rounded(found.p95)}`;
  };
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map(displayWidth));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
