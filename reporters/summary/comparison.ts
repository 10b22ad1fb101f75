import type { StageReport } from "../../plugins/mod.ts";
import type { Cell, Column, Section, Table, TonedText } from "./model.ts";
import { percent, rounded, times } from "./numbers.ts";
import { statusOf } from "./stage.ts";
import { nameOf } from "./text.ts";

/** A column with a value of each stage. */
interface StageColumn extends Pick<Column, "head" | "dropOrder"> {
  readonly textOf: (stage: StageReport) => string | undefined;
  /** The number that stages are compared by; absent where none is better than another. */
  readonly numberOf?: (stage: StageReport) => number | undefined;
  readonly best?: "least" | "most";
  /** Whether the column is left out if it contains only 0. @default {false} */
  readonly skipsZero?: boolean;
  /** Whether its texts are `p50/p95`. @default {false} */
  readonly isPair?: boolean;
}

const COLUMNS: readonly StageColumn[] = [
  { head: "ok", dropOrder: 5, textOf: ({ counts }) => `${counts.ok}` },
  {
    head: "failed",
    dropOrder: 3,
    textOf: ({ counts }) => `${counts.error + counts.timeout}`,
  },
  {
    head: "cut off",
    dropOrder: 10,
    textOf: ({ counts }) => `${counts.cancelled}`,
    skipsZero: true,
  },
  {
    head: "dropped",
    dropOrder: 9,
    textOf: ({ counts }) => `${counts.dropped}`,
    skipsZero: true,
  },
  { ...rate("req/s", "requestsPerSecond", rounded), dropOrder: 6 },
  quantiles("TTFT", "ttft"),
  quantiles("final.", "finalization"),
  { ...quantiles("ITL", "itl"), dropOrder: 8 },
  { ...quantiles("E2E", "latency"), dropOrder: 7 },
  rate("vectors/s", "embeddingsPerSecond", rounded),
  { ...rate("tok/s", "outputTokensPerSecond", rounded), dropOrder: 4 },
  { ...rate("RTFx", "rtfxAggregate", times), dropOrder: 2 },
  {
    head: "WER",
    dropOrder: 1,
    textOf: ({ quality: { wer } }) =>
      wer?.value === undefined ? undefined : percent(wer.value),
    numberOf: ({ quality }) => quality.wer?.value,
    best: "least",
  },
  {
    head: "SLOs",
    dropOrder: 0,
    textOf: ({ slo = [] }) =>
      slo.length === 0
        ? undefined
        : `${slo.filter(({ pass }) => pass).length}/${slo.length}`,
  },
];

/** The stages of a run in one table, a row for each. Empty for a single one. */
export function comparisonSections(stages: readonly StageReport[]): Section[] {
  if (stages.length < 2) return [];
  return [{ title: "comparison", blocks: [comparisonTable(stages)] }];
}

function comparisonTable(stages: readonly StageReport[]): Table {
  const columns = COLUMNS.filter(({ textOf, skipsZero }) =>
    stages.map(textOf).some((text) => text && !(skipsZero && text === "0"))
  );
  const best = columns.map((column) => bestOf(column, stages));
  const rows = stages.map((stage) => ({
    label: nameOf(stage.name) +
      (stage.repeat === undefined ? "" : ` (${stage.repeat})`),
    cells: [
      ...columns.map(({ textOf, numberOf }, i): Cell => {
        const text = textOf(stage) ?? "";
        return text !== "" && best[i] !== undefined &&
            numberOf?.(stage) === best[i] && !isBroken(stage)
          ? { text: `${text}*`, tone: "good" }
          : `${text} `;
      }),
      verdictCell(stage),
    ],
  }));
  const hasBest = best.some((value) => value !== undefined);
  const notes = [
    ...(columns.some(({ isPair }) => isPair) ? ["p50/p95 in ms"] : []),
    ...(hasBest ? ["* best"] : []),
    ...(stages.some(isBroken)
      ? ["! broken: failed, not valid, or an SLO missed"]
      : []),
  ];
  return {
    columns: [
      ...columns.map(({ head, dropOrder }) => ({
        head: `${head} `,
        ...(dropOrder !== undefined && { dropOrder }),
      })),
      { head: "verdict", align: "left" },
    ],
    parts: [{ title: "stage", rows }],
    notes: notes.length > 0 ? [notes.join(" · ")] : [],
  };
}

/** Whether the numbers of a stage are not those of a server that kept its objectives. */
function isBroken({ verdict: { status }, slo = [] }: StageReport): boolean {
  return status === "failed" || status === "client-limited" ||
    slo.some(({ pass }) => !pass);
}

/** The verdict of a stage; a mark before it says that its numbers do not count. */
function verdictCell(stage: StageReport): TonedText {
  const { tone } = statusOf(stage);
  const { status } = stage.verdict;
  if (!isBroken(stage)) return { text: status, tone };
  return { text: `! ${status === "valid" ? "SLO missed" : status}`, tone };
}

/** Returns the best value of the stages that are not broken, if there are two that differ. */
function bestOf(
  { numberOf, best }: StageColumn,
  stages: readonly StageReport[],
): number | undefined {
  if (!numberOf || !best) return undefined;
  const values = stages.filter((stage) => !isBroken(stage)).map(numberOf)
    .filter((value) => value !== undefined);
  if (new Set(values).size < 2) return undefined;
  return best === "least" ? Math.min(...values) : Math.max(...values);
}

function rate(
  head: string,
  name: keyof StageReport["rates"],
  format: (value: number) => string,
): StageColumn {
  return {
    head,
    textOf: ({ rates }) => {
      const value = rates[name];
      return value === undefined ? undefined : format(value);
    },
    numberOf: ({ rates }) => shownNumber(rates[name]),
    best: "most",
  };
}

/** A value as precise as it is shown: a difference that nobody sees makes no stage the best. */
function shownNumber(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(rounded(value));
}

function quantiles(head: string, metric: string): StageColumn {
  return {
    head,
    isPair: true,
    textOf: ({ metrics }) => {
      const found = metrics[metric];
      return found && `${rounded(found.p50)}/${rounded(found.p95)}`;
    },
    numberOf: ({ metrics }) => shownNumber(metrics[metric]?.p95),
    best: "least",
  };
}
