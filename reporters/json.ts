import { z } from "zod";
import {
  defineReporter,
  type Report,
  type ReporterPlugin,
} from "../plugins/mod.ts";
import { checkWritable, writeText } from "./output.ts";
import { plainJson } from "./safe_text.ts";

/** Options of {@linkcode jsonReporter}. */
export interface JsonOptions {
  /** File to write; `-` is standard output. */
  path: string;
  /**
   * Indents the document.
   *
   * @default {true}
   */
  pretty?: boolean;
}

/**
 * Writes the report as one JSON document when the run has ended. docs/report.md describes its keys,
 * docs/schema/report.schema.json is its schema. An existing file is replaced at once.
 */
export const jsonReporter: ReporterPlugin<JsonOptions> = defineReporter({
  name: "json",
  summary: "The report as one JSON document",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).describe(
      "File to write; - is standard output",
    ),
    pretty: z.boolean().default(true).describe("Indents the document"),
  }),
  async open({ path, pretty }) {
    await checkWritable(path);
    return { report: (report) => writeText(path, toJson(report, pretty)) };
  },
});

/** Encodes a report with its schema first. */
function toJson(report: Report, pretty: boolean): string {
  const { schema, ...rest } = report;
  const json = plainJson({ schema, ...rest }, pretty ? 2 : 0);
  return `${json.replace(LISTS_OF_NUMBERS, onOneLine)}\n`;
}

/** Lists of numbers over several lines: in JSON a line break is never part of a text. */
const LISTS_OF_NUMBERS = /\[\n(?:\s+(?:null|-?\d[\d.eE+-]*),?\n)+\s+\]/g;

/** A series has thousands of numbers, which would be as many lines. */
function onOneLine(list: string): string {
  return list.replaceAll(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]");
}
