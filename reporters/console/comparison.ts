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
  /** Head for narrow tables. @default head */
  readonly short?: string;
  readonly cellOf: (stage: StageReport) => string | undefined;
  /** Whether the column is left out if it contains only 0. @default {false} */
  readonly skipsZero?: boolean;
}

const columns: readonly Column[] = [
  { head: "ok", cellOf: ({ counts }) => `${counts.ok}` },
  {
    head: "failed",
    short: "fail",
    cellOf: ({ counts }) => `${counts.error + counts.timeout}`,
  },
  {
    head: "cancelled",
    short: "cut",
    cellOf: ({ counts }) => `${counts.cancelled}`,
    skipsZero: true,
  },
  {
    head: "dropped",
    short: "drop",
    cellOf: ({ counts }) => `${counts.dropped}`,
    skipsZero: true,
  },
  { head: "TTFT", cellOf: quantiles("ttft") },
  { head: "finalization", short: "final", cellOf: quantiles("finalization") },
  { head: "E2E latency", short: "E2E", cellOf: quantiles("latency") },
  { head: "embeddings/s", cellOf: rate("embeddingsPerSecond", rounded) },
  {
    head: "tokens/s",
    short: "tok/s",
    cellOf: rate("outputTokensPerSecond", rounded),
  },
  { head: "RTFx", cellOf: rate("rtfxAggregate", times) },
  {
    head: "WER",
    cellOf: ({ quality }) => optional(quality.wer?.value, percent),
  },
];

/** Formats the stages of a run as a table with a row for each. Columns without values are left out. */
export function comparisonLines(
  stages: readonly StageReport[],
  { width, paint }: Look,
): string[] {
  const verdicts = ["verdict", ...stages.map(({ verdict }) => verdict.status)];
  const names = ["stage", ...stages.map(({ name }) => plain(name))];
  const space = width - 2 - widest(verdicts);
  const { rows, widths, gap, room } = layoutFor(stages, space, widest(names));
  const nameWidth = Math.min(widest(names), Math.max(8, room));
  const [head = "", ...body] = rows.map((row, i) => {
    const name = truncate(names[i] ?? "", nameWidth);
    const verdict = verdicts[i] ?? "";
    return "  " + [
      name + " ".repeat(nameWidth - displayWidth(name)),
      ...row.map((text, j) => text.padStart(widths[j] ?? 0)),
      i === 0 ? verdict : paint(verdictColor(verdict), verdict),
    ].join(gap);
  });
  return [
    paint("bold", "stages") + paint("dim", " · p50/p95 in ms"),
    paint("dim", head),
    ...body,
  ];
}

/** Returns the widest layout that leaves room for the names, or the narrowest. */
function layoutFor(
  stages: readonly StageReport[],
  space: number,
  nameWidth: number,
) {
  const full = columnsFor(stages);
  const narrow = full.map((column) => ({
    ...column,
    head: column.short ?? column.head,
  }));
  const layouts = [full, narrow].flatMap((columns) =>
    ["  ", " "].map((gap) => layoutOf(stages, columns, space, gap))
  );
  return layouts.find(({ room }) => room >= nameWidth) ?? layouts.at(-1)!;
}

/** Returns the cells between the names and the verdicts, their widths, and the width left for the names. */
function layoutOf(
  stages: readonly StageReport[],
  columns: readonly Column[],
  space: number,
  gap: string,
) {
  const rows = [
    columns.map(({ head }) => head),
    ...stages.map((stage) => columns.map(({ cellOf }) => cellOf(stage) ?? "")),
  ];
  const widths = columns.map((_, i) => widest(rows.map((row) => row[i] ?? "")));
  const room = widths.reduce(
    (room, width) => room - width - gap.length,
    space - gap.length,
  );
  return { rows, widths, gap, room };
}

/** Returns the columns with values; of two similar ones, that for speech. */
function columnsFor(stages: readonly StageReport[]): Column[] {
  const filled = columns.filter(({ cellOf, skipsZero }) =>
    stages.map(cellOf).some((cell) => cell && !(skipsZero && cell === "0"))
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
): Column["cellOf"] {
  return ({ rates }) => optional(rates[name], format);
}

function quantiles(metric: string): Column["cellOf"] {
  return ({ metrics }) => {
    const found = metrics[metric];
    return found && `${rounded(found.p50)}/${rounded(found.p95)}`;
  };
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map(displayWidth));
}
