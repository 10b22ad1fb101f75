import { z } from "zod";
import { defineReporter, type ReporterPlugin } from "../../plugins/mod.ts";
import { checkWritable, writeText } from "../output.ts";
import { PageCollector } from "./page_data.ts";

/** Options of {@linkcode htmlReporter}. */
export interface HtmlOptions {
  /** File to write; `-` is standard output. */
  path: string;
}

/** Writes the report as one HTML file, which needs no network, when the run has ended. */
export const htmlReporter: ReporterPlugin<HtmlOptions> = defineReporter({
  name: "html",
  summary: "The report as one HTML file with charts, which works offline",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).describe(
      "File to write; - is standard output",
    ),
  }),
  async open({ path }) {
    await checkWritable(path);
    const page = new PageCollector();
    return {
      start: (info) => page.start(info),
      samples: (batch) => page.samples(batch),
      async report(report) {
        const { htmlPage } = await import("./html_page.ts");
        await writeText(path, htmlPage({ data: page.data(report) }));
      },
    };
  },
});
