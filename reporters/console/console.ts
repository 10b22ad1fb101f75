import { z } from "zod";
import {
  defineReporter,
  type PluginConfig,
  type Report,
  type ReporterPlugin,
  type RunFacts,
  type Skipped,
  stagesOutsideSearches,
} from "../../plugins/mod.ts";
import { writeText } from "../output.ts";
import { capacityLines, levelSections } from "./capacity.ts";
import { comparisonLines } from "./comparison.ts";
import {
  createLook,
  type Look,
  plain,
  plural,
  seconds,
  times,
  wrap,
  wrapMessage,
} from "./format.ts";
import { repeatLines } from "./repeats.ts";
import { failedLines, stageLines } from "./stage.ts";

/** Options of {@linkcode consoleReporter}. */
export interface ConsoleOptions {
  /**
   * Use of colour: `auto` if standard output is a terminal and `NO_COLOR` is not set.
   *
   * @default {"auto"}
   */
  color?: "auto" | "always" | "never";
  /**
   * Width of wrapped text in columns, at least 79.
   *
   * @default {79}
   */
  width?: number;
}

/** Prints the report for people to standard output when the run has ended. */
export const consoleReporter: ReporterPlugin<ConsoleOptions> = defineReporter({
  name: "console",
  summary: "The report for people, on standard output",
  options: z.strictObject({
    color: z.enum(["auto", "always", "never"]).default("auto").describe(
      "Use of colour; auto: on a terminal without NO_COLOR",
    ),
    width: z.int().min(79).default(79).describe(
      "Width of wrapped text in columns",
    ),
  }),
  open({ color: given, width }, { env }) {
    const color = given === "always" ||
      (given === "auto" && Deno.stdout.isTerminal() && !env("NO_COLOR"));
    const show = (report: Report) => renderReport(report, { width, color });
    return { report: (report) => writeText("-", show(report)) };
  },
});

/** Options of {@linkcode renderReport}. */
export interface RenderOptions {
  /** Width of wrapped text in columns; tables have 79, or up to 100 with intervals. @default {79} */
  readonly width?: number;
  /** Whether to use colour. @default {false} */
  readonly color?: boolean;
}

/** Formats a report for people: the same report gives the same text. */
export function renderReport(
  report: Report,
  { width = 79, color = false }: RenderOptions = {},
): string {
  const look = createLook({ width, color });
  const { capacities = [] } = report;
  const sections = [
    capacities.flatMap((capacity) => capacityLines(capacity, look)),
    headerLines(report, look),
    ...capacities.flatMap((each) => levelSections(each, report, look)),
    ...stageSections(report, look),
    ...(report.repeats ?? []).map((each) => repeatLines(each, look)),
    skippedLines(report.skipped, look),
  ];
  return sections.filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`).join("\n");
}

function stageSections(report: Report, look: Look): string[][] {
  const { run } = report;
  const stages = stagesOutsideSearches(report);
  const [only] = stages;
  if (!only) return report.stages.length > 0 ? [] : [["No stage began"]];
  if (stages.length === 1 && only.verdict.status === "failed") {
    return [failedLines(only, look)];
  }
  const speed = numberFact(run.facts.backend, "speed");
  const sections = stages.map((stage, index) =>
    stageLines(stage, { index, of: stages.length, speed }, look)
  );
  return stages.length > 1
    ? [...sections, comparisonLines(stages, look)]
    : sections;
}

function headerLines(report: Report, look: Look): string[] {
  const { earshot, run: { config, facts, loadingMs } } = report;
  const parts = [
    look.paint("bold", `earshot ${plain(earshot.version)}`),
    describeBackend(nameOf(config.backend, facts), facts.backend),
    textFact(facts.backend, "url") ?? textFact(facts.backend, "target"),
    textFact(facts.backend, "model"),
    describeData(config.data, facts),
    `seed ${config.seed}`,
    `loaded in ${seconds(loadingMs)}`,
  ];
  return [
    ...wrap(parts, look),
    ...endedEarly(report, look).map((line) => look.paint("yellow", line)),
  ];
}

function endedEarly(
  { interrupted, error }: Report,
  { width }: Look,
): string[] {
  if (error !== undefined) {
    return wrapMessage(error, { width, label: "ended by an error: " });
  }
  return interrupted ? ["interrupted: results until the interruption"] : [];
}

type Facts = RunFacts["backend"];

/** Returns the name of a plugin; the last part of its path or URL if the report does not hold the name. */
function nameOf({ use }: PluginConfig, { names = {} }: RunFacts): string {
  if (Object.hasOwn(names, use)) return plain(names[use]!);
  const path = use.split(/[#?]/, 1)[0]!;
  return plain(/[\\/]/.test(path) ? path.split(/[\\/]/).at(-1)! : use);
}

function describeBackend(use: string, backend: Facts): string {
  const dialect = textFact(backend, "dialect");
  const mode = textFact(backend, "mode");
  const name = use + (dialect ? `/${dialect}` : "");
  if (!mode) return name;
  if (mode !== "stream") return `${name}, ${mode}`;
  const speed = numberFact(backend, "speed");
  if (speed === undefined) return `${name}, streaming`;
  return `${name}, streaming ${speed === 0 ? "unpaced" : `at ${times(speed)}`}`;
}

function describeData(
  data: readonly PluginConfig[],
  facts: RunFacts,
): string {
  const count = numberFact(facts.data, "items");
  const name = data.map((each) => nameOf(each, facts)).join(" + ");
  return count === undefined ? name : `${name} (${count})`;
}

function textFact(facts: Facts, key: string): string | undefined {
  const value = facts?.[key];
  return typeof value === "string" && value !== "" ? plain(value) : undefined;
}

function numberFact(facts: Facts, key: string): number | undefined {
  const value = facts?.[key];
  return typeof value === "number" ? value : undefined;
}

function skippedLines({ count, items }: Skipped, look: Look): string[] {
  if (count === 0) return [];
  const shown = items.slice(0, 5);
  const more = count - shown.length;
  return [
    look.paint("yellow", `skipped ${plural(count, "unusable item")}`),
    ...shown.flatMap(({ id, reason }) =>
      wrapMessage(`${id}: ${reason}`, { ...look, label: "  " })
    ),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}
