import { z } from "zod";
import { isUnicodeLocale } from "../../lib/locale.ts";
import {
  defineReporter,
  type Report,
  type Reporter,
  type ReporterPlugin,
  type RunInfo,
  type StageReport,
} from "../../plugins/mod.ts";
import { isLevel, levelFact } from "../summary/capacity.ts";
import type { Section } from "../summary/model.ts";
import { finalSections, stageOfRun } from "../summary/report.ts";
import { runSection } from "../summary/run.ts";
import { createLook, type Look, wrapWords } from "./layout.ts";
import { Printer } from "./printer.ts";
import { renderSections } from "./render.ts";

/** Options of {@linkcode consoleReporter}. */
export interface ConsoleOptions {
  /**
   * Use of colour: `auto` if standard output is a terminal that has colours, and `NO_COLOR` is not set.
   *
   * @default {"auto"}
   */
  color?: "auto" | "always" | "never";
  /**
   * Width in columns, at least 60.
   *
   * @default {the width of the terminal, at most 100; 100 without a terminal}
   */
  width?: number | undefined;
}

/** Narrowest and widest text without an option. */
const NARROWEST = 60;
const WIDEST = 100;

/** Prints the report for people to standard output: each stage when it ends, and the result when the run has ended. */
export const consoleReporter: ReporterPlugin<ConsoleOptions> = defineReporter({
  name: "console",
  summary: "The report for people, on standard output",
  options: z.strictObject({
    color: z.enum(["auto", "always", "never"]).default("auto").describe(
      "Use of colour; auto: on a terminal without NO_COLOR",
    ),
    width: z.int().min(NARROWEST).optional().describe(
      "Width in columns (default: that of the terminal, at most 100)",
    ),
  }),
  open({ color: given, width = terminalWidth() }, { env }) {
    const color = given === "always" ||
      (given === "auto" && Deno.stdout.isTerminal() && !env("NO_COLOR") &&
        env("TERM") !== "dumb");
    const look = createLook({ width, color, charts: isUnicodeLocale(env) });
    return printingReporter(look, new Printer());
  },
});

function terminalWidth(): number {
  if (!Deno.stdout.isTerminal()) return WIDEST;
  try {
    return Math.min(WIDEST, Math.max(NARROWEST, Deno.consoleSize().columns));
  } catch {
    return WIDEST;
  }
}

/** Creates a reporter that prints each part of the text as soon as it is known. */
function printingReporter(look: Look, printer: Printer): Reporter {
  let text: ReportText | undefined;
  let printed = 0;
  return {
    start(info) {
      text = new ReportText(info, look);
      printer.print(text.head());
    },
    stage(stage) {
      if (!text) return;
      printer.print(text.stage(stage, printed++));
    },
    report(report) {
      if (!text) {
        text = new ReportText(report, look);
        printer.print(text.head());
      }
      for (const stage of report.stages.slice(printed)) {
        printer.print(text.stage(stage, printed++));
      }
      printer.print(text.end(report));
      return printer.end();
    },
  };
}

/** Makes the text of a report in parts, in the order in which they are known, with an empty line between sections. */
class ReportText {
  readonly #info: RunInfo;
  readonly #look: Look;
  #isInLevels = false;

  constructor(info: RunInfo, look: Look) {
    this.#info = info;
    this.#look = look;
  }

  head(): string {
    return renderSections([runSection(this.#info)], this.#look);
  }

  /** A stage; a level of a search takes one line. */
  stage(stage: StageReport, index: number): string {
    if (!isLevel(stage)) {
      return this.#more([stageOfRun(stage, index, this.#info)]);
    }
    const gap = this.#isInLevels ? "" : "\n";
    this.#isInLevels = true;
    const lines = wrapWords(levelFact(stage), this.#look);
    return `${gap}${lines.join("\n")}\n`;
  }

  end(report: Report): string {
    return this.#more(finalSections(report));
  }

  #more(sections: readonly Section[]): string {
    this.#isInLevels = false;
    const text = renderSections(sections, this.#look);
    return text === "" ? "" : `\n${text}`;
  }
}

/** Options of {@linkcode renderReport}. */
export interface RenderOptions {
  /** Width in columns. @default {100} */
  readonly width?: number;
  /** Whether to use colour. @default {false} */
  readonly color?: boolean;
  /** Whether trends are drawn with block characters. @default {true} */
  readonly charts?: boolean;
}

/** Formats a report for people: the same report gives the same text, which is that of the run. */
export function renderReport(
  report: Report,
  { width = WIDEST, color = false, charts = true }: RenderOptions = {},
): string {
  const text = new ReportText(report, createLook({ width, color, charts }));
  return [
    text.head(),
    ...report.stages.map((stage, index) => text.stage(stage, index)),
    text.end(report),
  ].join("");
}
