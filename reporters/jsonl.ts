import { z } from "zod";
import {
  defineReporter,
  type Reporter,
  type ReporterPlugin,
  type RunInfo,
} from "../plugins/mod.ts";
import { linesTo, type LineWriter } from "./line_writer.ts";
import { checkWritable } from "./output.ts";
import { plainJson } from "./plain_json.ts";
import { samplePieces } from "./sample_pieces.ts";
import type { SavedLine } from "./saved_line.ts";

/** Options of {@linkcode jsonlReporter}. */
export interface JsonlOptions {
  /** File to write, anew; `-` is standard output. */
  path: string;
}

/**
 * Saves every sample as it ends, as one line of JSON, so that a report can be made again of them:
 * docs/report.md tells the lines, docs/schema/sample.schema.json is their schema. A run that is
 * killed leaves what had ended until then.
 */
export const jsonlReporter: ReporterPlugin<JsonlOptions> = defineReporter({
  name: "jsonl",
  summary: "Every sample as it ends, one JSON object a line",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).describe(
      "File to write, anew; - is standard output",
    ),
  }),
  async open({ path }) {
    if (path !== "-") await checkWritable(path);
    return savingTo(linesTo(path));
  },
});

function savingTo(lines: LineWriter): Reporter {
  let begun = false;
  let stages = 0;
  function save(line: SavedLine): void {
    lines.push(() => `${plainJson(line)}\n`);
  }
  function start({ earshot, run }: RunInfo): void {
    if (begun) return;
    begun = true;
    save({ schema: "earshot.samples/1", earshot, run });
  }
  return {
    start,
    samples(batch) {
      for (const sample of batch) {
        for (const { text, weight } of samplePieces(sample)) {
          lines.push(text, weight);
        }
      }
    },
    stage(
      { name, load, stop, window, stopped, client, counts: { dropped } },
    ) {
      const index = stages++;
      save({
        schema: "earshot.stage/1",
        index,
        name,
        load,
        ...(stop && { stop }),
        window,
        stopped,
        dropped,
        client,
      });
    },
    async report(report) {
      start(report);
      const { interrupted, skipped } = report;
      save({ schema: "earshot.end/1", interrupted, skipped });
      await lines.end();
    },
    [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
  };
}
