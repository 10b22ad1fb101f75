import {
  clientMetrics,
  metrics,
  type StageReport,
  type Summary,
  type Unit,
} from "../../plugins/mod.ts";
import type { Look } from "./look.ts";
import { rounded, valueOf } from "./number.ts";
import { plain, truncate } from "./format.ts";

/** Rows come in this order in every report, what the run is about first; those not named here follow. */
const order: readonly string[] = [
  "ttft",
  "firstEvent",
  "finalization",
  "finalizationFromEnd",
  "responseTime",
  "latency",
  "ttftCold",
  "connect",
  "setup",
  "upload",
  "ttfb",
  "ttfo",
  "itl",
  "tpot",
  "ntpot",
  "deltaGap",
  "revisions",
];

const labels: ReadonlyMap<string, string> = new Map(
  metrics.map(({ name, unit, label }) => [
    name,
    unit === "s" ? `${label}, s` : label,
  ]),
);

/** Told in the line on the client, not in the table. */
const elsewhere: ReadonlySet<string> = new Set(
  clientMetrics.map(({ name }) => name),
);

/** Told of paced audio, it would be the pace that it tells of: a little below 1, however fast the server. */
const unpacedOnly: ReadonlySet<string> = new Set(["rtfxRequest"]);

/** How many values a percentile needs to be more than the largest one: 1 ÷ (1 − p). */
const needed = { p50: 2, p90: 10, p95: 20, p99: 100 } as const;

const takes = Object.entries(needed).map(([name, n]) => `${name} takes ${n}`);

type Metric = { readonly unit: Unit } & Summary;

/** The table of a stage's metrics, milliseconds first. */
export function metricsTable(
  stage: StageReport,
  { isPaced = false, ...look }: Look & { readonly isPaced?: boolean },
): string[] {
  const rows = inOrder(stage.metrics).filter(([name]) =>
    !isPaced || !unpacedOnly.has(name)
  );
  const timed = rows.filter(([, { unit }]) => unit === "ms");
  const others = rows.filter(([, { unit }]) => unit !== "ms");
  const lines = [...block("ms", timed, look), ...block("other", others, look)];
  return [...lines, ...notes(rows, look)];
}

function inOrder(found: StageReport["metrics"]): [string, Metric][] {
  const names = [...order, ...labels.keys(), ...Object.keys(found).sort()];
  return [...new Set(names)].flatMap((name) => {
    const metric = found[name];
    if (!metric || elsewhere.has(name) || isSaid(name, found)) return [];
    return [[name, metric]];
  });
}

/** Rows that tell what another one does, where nothing but answer text came, or no audio was streamed. */
const twins: Readonly<Record<string, readonly string[]>> = {
  ttfo: ["ttft", "ttftCold"],
  ttftCold: ["ttft"],
};

function isSaid(name: string, found: StageReport["metrics"]): boolean {
  const metric = found[name];
  return (twins[name] ?? []).some((twin) => {
    const other = found[twin];
    return other?.n === metric?.n && other?.mean === metric?.mean &&
      other?.max === metric?.max;
  });
}

function block(
  title: string,
  rows: readonly [string, Metric][],
  { paint }: Look,
): string[] {
  if (rows.length === 0) return [];
  const heads = ["n", ...Object.keys(needed), "max"].map((head) => cell(head));
  return [
    paint("dim", row(title, heads)),
    ...rows.map(([name, metric]) =>
      row(labels.get(name) ?? plain(name), cellsOf(metric))
    ),
  ];
}

function cellsOf(metric: Metric): string[] {
  const quantiles = Object.entries(needed).map(([name, n]) =>
    cell(
      valueOf(metric[name as keyof typeof needed], metric.unit),
      metric.n < n ? "~" : " ",
    )
  );
  return [
    cell(String(metric.n)),
    ...quantiles,
    cell(valueOf(metric.max, metric.unit)),
  ];
}

function cell(text: string, mark = " "): string {
  return text.padStart(7) + mark;
}

function row(label: string, cells: readonly string[]): string {
  return `  ${truncate(label, 29).padEnd(29)}${cells.join("")}`.trimEnd();
}

function notes(rows: readonly [string, Metric][], { paint }: Look): string[] {
  const few = rows.some(([, { n }]) => n < needed.p99);
  const error = Math.max(
    0,
    ...rows.map(([, { quantileError = 0 }]) => quantileError),
  );
  return [
    ...(few ? [`  ~ too few values: ${takes.join(", ")}`] : []),
    ...(error > 0
      ? [`  percentiles of many values are within ${rounded(100 * error)} %`]
      : []),
  ].map((note) => paint("dim", note));
}
