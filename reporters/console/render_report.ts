import type { PluginUse, Report, Skipped } from "../../plugins/mod.ts";
import { comparisonLines } from "./comparison.ts";
import { type Look, lookOf } from "./look.ts";
import { seconds, times } from "./number.ts";
import { failedLines, stageLines } from "./stage.ts";
import { plain, wrap, wrapMessage } from "./format.ts";

/** How a report is written out for people. */
export interface RenderOptions {
  /** Columns that text is wrapped to; the tables take 79. @default {79} */
  readonly width?: number;
  /** Whether to use colour. @default {false} */
  readonly color?: boolean;
}

/** Writes a report out for people: the same report gives the same text. */
export function renderReport(
  report: Report,
  { width = 79, color = false }: RenderOptions = {},
): string {
  const look = lookOf({ width, color });
  const sections = [
    headerLines(report, look),
    ...stageSections(report, look),
    skippedLines(report.skipped, look),
  ];
  return sections.filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(""))
    .join("\n");
}

function stageSections({ run, stages }: Report, look: Look): string[][] {
  const [only] = stages;
  if (!only) return [["No stage began"]];
  if (stages.length === 1 && only.verdict.status === "failed") {
    return [failedLines(only, look)];
  }
  const speed = numberIn(run.config.backend, "speed");
  const sections = stages.map((stage, index) =>
    stageLines(stage, { index, of: stages.length, speed }, look)
  );
  return stages.length > 1
    ? [...sections, comparisonLines(stages, look)]
    : sections;
}

function headerLines(report: Report, look: Look): string[] {
  const { earshot, run, interrupted } = report;
  const { backend, dataset } = run.config;
  const pieces = [
    look.paint("bold", `earshot ${plain(earshot.version)}`),
    backendOf(backend),
    ...targetOf(backend),
    ...textIn(backend, "model"),
    datasetOf(dataset),
    `seed ${run.seed}`,
    `loaded in ${seconds(run.loadingMs)}`,
  ];
  return [
    ...wrap(pieces, look),
    ...(interrupted
      ? [look.paint("yellow", "interrupted: these are the results until then")]
      : []),
  ];
}

function backendOf(backend: PluginUse): string {
  const [dialect] = textIn(backend, "dialect");
  const [mode] = textIn(backend, "mode");
  const name = plain(backend.name) + (dialect ? `/${dialect}` : "");
  if (!mode) return name;
  if (mode !== "stream") return `${name}, ${mode}`;
  const speed = numberIn(backend, "speed");
  if (speed === undefined) return `${name}, streaming`;
  return `${name}, streaming ${speed === 0 ? "unpaced" : `at ${times(speed)}`}`;
}

/** Where requests went: the URL in full, where it is told, else what was asked for. */
function targetOf(backend: PluginUse): string[] {
  const [url] = textIn(backend, "url");
  return url === undefined ? textIn(backend, "target") : [url];
}

function datasetOf(dataset: PluginUse): string {
  const count = numberIn(dataset, "items");
  const name = plain(dataset.name);
  return count === undefined ? name : `${name} (${count})`;
}

function textIn({ facts }: PluginUse, key: string): string[] {
  const value = facts?.[key];
  return typeof value === "string" && value !== "" ? [plain(value)] : [];
}

function numberIn({ facts }: PluginUse, key: string): number | undefined {
  const value = facts?.[key];
  return typeof value === "number" ? value : undefined;
}

function skippedLines({ count, items }: Skipped, look: Look): string[] {
  if (count === 0) return [];
  const shown = items.slice(0, 5);
  const more = count - shown.length;
  return [
    look.paint("yellow", `skipped ${count} that could not be used`),
    ...shown.flatMap(({ id, reason }) =>
      wrapMessage(`${id}: ${reason}`, { ...look, label: "  " })
    ),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}
