import { z } from "zod";
import {
  defineReporter,
  type Report,
  type ReporterPlugin,
} from "../../plugins/mod.ts";
import { checkWritable, writeText } from "../output.ts";
import { PageCollector } from "./page_data.ts";

/** Options of {@linkcode htmlReporter}. */
export interface HtmlOptions {
  /** File to write; `-` is standard output. */
  path: string;
}

/** Size of the file, in characters. */
export const MAX_SIZE = 1_500_000;

/** Shares of the requests that are tried until the page is small enough. */
const DETAILS = [1, 0.5, 0.2, 0.05, 0.001];

/**
 * Writes the report as one HTML file when the run has ended: it needs no network, and is below 1.5 MB. docs/html-report.md
 * describes it.
 */
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
      worksWithoutSamples: true,
      start: (info) => page.start(info),
      samples: (batch) => page.samples(batch),
      report: async (report) =>
        await writeText(path, await render(page, report)),
    };
  },
});

/** Makes the page with as much detail as its size allows. */
async function render(page: PageCollector, report: Report): Promise<string> {
  const { htmlPage } = await import("./html_page.ts"); // only now: it loads the charts
  let html = "";
  for (const detail of DETAILS) {
    html = htmlPage({ data: page.data(report, { detail }) });
    if (html.length < MAX_SIZE) break;
  }
  return html;
}
