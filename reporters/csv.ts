import { z } from "zod";
import {
  defineReporter,
  type Report,
  type Reporter,
  type ReporterPlugin,
} from "../plugins/mod.ts";
import { linesTo, type LineWriter } from "./line_writer.ts";
import { checkWritable, writeText } from "./output.ts";
import { csvRow } from "./safe_text.ts";
import { requestCells, requestColumns } from "./csv/requests.ts";
import { stageCells, stageColumns } from "./csv/stages.ts";

/** Options of {@linkcode csvReporter}. */
export interface CsvOptions {
  /** File to write; `-` is standard output. */
  path: string;
  /**
   * Rows of the table: `stages`, written when the run has ended, or `requests`, written as they end.
   *
   * @default {"stages"}
   */
  rows?: "stages" | "requests";
}

/**
 * Writes a CSV table (RFC 4180) with the same columns in every run; docs/report.md describes them. A text that a
 * spreadsheet would run as a formula is preceded by an apostrophe.
 */
export const csvReporter: ReporterPlugin<CsvOptions> = defineReporter({
  name: "csv",
  summary: "A table with a row for each stage or request",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).describe(
      "File to write; - is standard output",
    ),
    rows: z.enum(["stages", "requests"]).default("stages").describe(
      "Rows of the table",
    ),
  }),
  async open({ path, rows }) {
    await checkWritable(path);
    return rows === "stages"
      ? { report: (report) => writeText(path, stageTable(report)) }
      : requestReporter(linesTo(path));
  },
});

function stageTable(report: Report): string {
  const rows = report.stages.map((stage, index) =>
    csvRow(stageCells(report, { index, stage }))
  );
  return [csvRow(stageColumns), ...rows].join("");
}

function requestReporter(lines: LineWriter): Reporter {
  let hasHead = false;
  function start(): void {
    if (!hasHead) lines.push(() => csvRow(requestColumns));
    hasHead = true;
  }
  return {
    start,
    samples(batch) {
      for (const sample of batch) {
        const weight = 5 + sample.deltas.length + sample.audioSent.length;
        lines.push(() => csvRow(requestCells(sample)), weight);
      }
    },
    async report() {
      start();
      await lines.end();
    },
    [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
  };
}
