import { z } from "zod";
import {
  defineReporter,
  type Report,
  type ReporterPlugin,
} from "../plugins/mod.ts";
import { checkWritable, writeWhole } from "./output.ts";
import { plainJson } from "./plain_json.ts";
import { writeStdout } from "./stdout.ts";

/** Options of {@linkcode jsonReporter}. */
export interface JsonOptions {
  /** File to write; `-` is standard output. */
  path: string;
  /**
   * Whether to indent it.
   *
   * @default {true}
   */
  pretty?: boolean;
}

/**
 * Writes the report as one JSON document when the run has ended: docs/report.md tells its keys,
 * docs/schema/report.schema.json is its schema. A file that is there is replaced all at once.
 */
export const jsonReporter: ReporterPlugin<JsonOptions> = defineReporter({
  name: "json",
  summary: "The report as one JSON document",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).describe("File to write; - is standard output"),
    pretty: z.boolean().default(true).describe("Whether to indent it"),
  }),
  async open({ path, pretty }) {
    if (path !== "-") await checkWritable(path);
    return {
      report: (report) => {
        const text = documentOf(report, pretty);
        return path === "-" ? writeStdout(text) : writeWhole(path, text);
      },
    };
  },
});

/** The document, with the schema named first. */
function documentOf(report: Report, pretty: boolean): string {
  const { schema, ...rest } = report;
  return plainJson({ schema, ...rest }, pretty ? 2 : 0) + "\n";
}
