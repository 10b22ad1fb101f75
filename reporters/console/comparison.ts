import type { StageReport } from "../../plugins/mod.ts";
import { type Look, verdictColor } from "./look.ts";
import { percent, rounded, times } from "./number.ts";
import { displayWidth, plain, truncate } from "./format.ts";

interface Column {
  readonly head: string;
  /** Its head where there is little room. */
  readonly short?: string;
  readonly of: (stage: StageReport) => string | undefined;
  /** Whether a stage has something to tell by it. @default Whether there is a value */
  readonly tells?: (stage: StageReport) => boolean;
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
    tells: ({ counts }) => counts.cancelled > 0,
  },
  {
    head: "dropped",
    short: "drop",
    of: ({ counts }) => String(counts.dropped),
    tells: ({ counts }) => counts.dropped > 0,
  },
  { head: "first output", short: "first out", of: quantiles("ttft") },
  { head: "finalized", of: quantiles("finalization") },
  { head: "latency", of: quantiles("latency") },
  {
    head: "embeddings/s",
    of: ({ rates }) => shown(rates.embeddingsPerSecond),
  },
  { head: "tok/s", of: ({ rates }) => shown(rates.outputTokensPerSecond) },
  { head: "rtfx", of: ({ rates }) => shown(rates.rtfxAggregate, times) },
  { head: "WER", of: ({ quality }) => shown(quality.wer?.value, percent) },
];

/** The stages of a run side by side, a row each; columns that tell nothing are left out. */
export function comparisonLines(
  stages: readonly StageReport[],
  { width, paint }: Look,
): string[] {
  const verdicts = ["verdict", ...stages.map(({ verdict }) => verdict.status)];
  const names = ["stage", ...stages.map(({ name }) => plain(name))];
  const kept = columnsFor(stages);
  const long = tableOf(stages, kept);
  /** For names, beside the margin, the cells and the gaps. */
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

/** The cells between the names and the verdicts, heads first. */
interface Table {
  readonly rows: readonly (readonly string[])[];
  /** Of each column. */
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

/** Those that tell something; of two that tell the same of a run, the one closer to what it is about. */
function columnsFor(stages: readonly StageReport[]): Column[] {
  const filled = columns.filter(({ of, tells }) =>
    stages.some((stage) => tells ? tells(stage) : of(stage) !== undefined)
  );
  const heads = new Set(filled.map(({ head }) => head));
  return filled.filter(({ head }) =>
    !(head === "latency" && heads.has("finalized")) &&
    !(head === "tok/s" && heads.has("rtfx"))
  );
}

function quantiles(metric: string): Column["of"] {
  return ({ metrics }) => {
    const found = metrics[metric];
    return found && `${rounded(found.p50)}/${rounded(found.p95)}`;
  };
}

function shown(
  value: number | undefined,
  format: (value: number) => string = rounded,
): string | undefined {
  return value === undefined ? undefined : format(value);
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map(displayWidth));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
