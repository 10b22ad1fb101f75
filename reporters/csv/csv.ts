import { z } from "zod";
import {
  defineReporter,
  type Report,
  type Reporter,
  type ReporterPlugin,
} from "../../plugins/mod.ts";
import { csvRow } from "./row.ts";
import { requestCells, requestColumns } from "./requests.ts";
import { stageCells, stageColumns } from "./stages.ts";
import { linesTo, type LineWriter } from "../line_writer.ts";
import { checkWritable, writeWhole } from "../output.ts";
import { writeStdout } from "../stdout.ts";

/** Options of {@linkcode csvReporter}. */
export interface CsvOptions {
  /** File to write; `-` is standard output. */
  path: string;
  /**
   * What a row is: a stage, written when the run has ended, or a request, written as it ends.
   *
   * @default {"stages"}
   */
  rows?: "stages" | "requests";
}

/**
 * Writes a table as RFC 4180 has it, with the same columns in every run: docs/report.md tells
 * them. A text that a spreadsheet would take for a formula gets an apostrophe before it.
 */
export const csvReporter: ReporterPlugin<CsvOptions> = defineReporter({
  name: "csv",
  summary: "A table: one row a stage, or one a request",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).describe("File to write; - is standard output"),
    rows: z.enum(["stages", "requests"]).default("stages").describe(
      "What a row is",
    ),
  }),
  async open({ path, rows }) {
    if (path !== "-") await checkWritable(path);
    return rows === "stages" ? stagesTo(path) : requestsTo(linesTo(path));
  },
});

function stagesTo(path: string): Reporter {
  return {
    report(report) {
      const text = stageTable(report);
      return path === "-" ? writeStdout(text) : writeWhole(path, text);
    },
  };
}

function stageTable(report: Report): string {
  const rows = report.stages.map((stage, index) =>
    csvRow(stageCells(report, { index, stage }))
  );
  return [csvRow(stageColumns), ...rows].join("");
}

function requestsTo(lines: LineWriter): Reporter {
  let begun = false;
  function start(): void {
    if (!begun) lines.push(() => csvRow(requestColumns));
    begun = true;
  }
  return {
    start,
    samples(batch) {
      for (const sample of batch) {
        const { deltas, audioSent } = sample;
        lines.push(
          () => csvRow(requestCells(sample)),
          5 + deltas.length + audioSent.length,
        );
      }
    },
    async report() {
      start();
      await lines.end();
    },
    [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
  };
}
