import { z } from "zod";
import { defineReporter, type ReporterPlugin } from "../../plugins/mod.ts";
import { renderReport } from "./render_report.ts";
import { writeStdout } from "../stdout.ts";

/** Options of {@linkcode consoleReporter}. */
export interface ConsoleOptions {
  /**
   * Whether to use colour: `auto` where standard output is a terminal and `NO_COLOR` is not set.
   *
   * @default {"auto"}
   */
  color?: "auto" | "always" | "never";
  /**
   * Columns that text is wrapped to, from 79 on.
   *
   * @default {79}
   */
  width?: number;
}

/** Prints the report for people, to standard output, when the run has ended. */
export const consoleReporter: ReporterPlugin<ConsoleOptions> = defineReporter({
  name: "console",
  summary: "The report for people, on standard output",
  options: z.strictObject({
    color: z.enum(["auto", "always", "never"]).default("auto").describe(
      "Whether to use colour; auto: on a terminal without NO_COLOR",
    ),
    width: z.int().min(79).default(79).describe(
      "Columns that text is wrapped to",
    ),
  }),
  open({ color, width }, { env }) {
    const plain = color === "never" ||
      (color === "auto" && (!Deno.stdout.isTerminal() || !!env("NO_COLOR")));
    return {
      report: (report) =>
        writeStdout(renderReport(report, { width, color: !plain })),
    };
  },
});
