import type { StageReport } from "../../plugins/mod.ts";
import { type Look, verdictColor } from "./look.ts";
import { percent, rounded, times } from "./number.ts";
import { displayWidth, plain, truncate } from "./text.ts";

interface Column {
  readonly head: string;
  readonly of: (stage: StageReport) => string | undefined;
}

const columns: readonly Column[] = [
  { head: "ok", of: ({ counts }) => String(counts.ok) },
  { head: "failed", of: ({ counts }) => String(counts.error + counts.timeout) },
  { head: "first output", of: quantiles("ttft") },
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

/** The stages of a run side by side, a row each; columns without a value are left out. */
export function comparisonLines(
  stages: readonly StageReport[],
  { width, paint }: Look,
): string[] {
  const kept = columnsFor(stages);
  const rows = [
    kept.map(({ head }) => head),
    ...stages.map((stage) => kept.map(({ of }) => of(stage) ?? "")),
  ];
  const verdicts = ["verdict", ...stages.map(({ verdict }) => verdict.status)];
  const names = ["stage", ...stages.map(({ name }) => plain(name))];
  const widths = kept.map((_, i) => widest(rows.map((row) => row[i] ?? "")));
  const cells = sum(widths) + widest(verdicts);
  const gaps = widths.length + 1;
  const gap = 2 + widest(names) + cells + 2 * gaps <= width ? "  " : " ";
  const room = width - 2 - cells - gaps * gap.length;
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

/** Those with a value; of two that tell the same of a run, the one closer to what it is about. */
function columnsFor(stages: readonly StageReport[]): Column[] {
  const filled = columns.filter(({ of }) =>
    stages.some((stage) => of(stage) !== undefined)
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
