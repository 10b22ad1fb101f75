import { z } from "zod";
import {
  defineReporter,
  type Reporter,
  type ReporterPlugin,
  type RunInfo,
  type Sample,
} from "../plugins/mod.ts";
import { type LinePart, linesTo, type LineWriter } from "./line_writer.ts";
import { checkWritable } from "./output.ts";
import { plainJson } from "./safe_text.ts";
import type { SavedLine } from "./samples_file.ts";

/** Options of {@linkcode jsonlReporter}. */
export interface JsonlOptions {
  /** File to write, replacing an existing one; `-` is standard output. */
  path: string;
}

/**
 * Saves every sample as a line of JSON when it ends, so that a report can be computed from them again. docs/report.md
 * describes the lines, docs/schema/sample.schema.json is their schema. A run that is killed leaves the samples that had
 * ended.
 */
export const jsonlReporter: ReporterPlugin<JsonlOptions> = defineReporter({
  name: "jsonl",
  summary: "Every sample when it ends, one JSON object per line",
  primary: "path",
  options: z.strictObject({
    path: z.string().min(1).meta({ format: "path" }).describe(
      "File to write, replacing an existing one; - is standard output",
    ),
  }),
  async open({ path }) {
    await checkWritable(path);
    return sampleReporter(linesTo(path));
  },
});

function sampleReporter(lines: LineWriter): Reporter {
  let hasStarted = false;
  let stages = 0;

  function save(line: SavedLine): void {
    lines.push(() => `${plainJson(line)}\n`);
  }

  function start({ earshot, run }: RunInfo): void {
    if (hasStarted) return;
    hasStarted = true;
    save({ schema: "earshot.samples/2", earshot, run });
  }

  return {
    start,
    samples(batch) {
      for (const sample of batch) {
        for (const { text, weight } of linePartsOf(sample)) {
          lines.push(text, weight);
        }
      }
    },
    stage(report) {
      const { name, repeat, load, stop, window, client } = report;
      const { stopped, stopCause } = report;
      save({
        schema: "earshot.stage/1",
        index: stages++,
        name,
        ...(repeat !== undefined && { repeat }),
        load,
        ...(stop && { stop }),
        window,
        stopped,
        ...(stopCause && { stopCause }),
        dropped: report.counts.dropped,
        client,
      });
    },
    async report(report) {
      start(report);
      const { interrupted, error, skipped, capacities } = report;
      save({
        schema: "earshot.end/1",
        interrupted,
        ...(error !== undefined && { error }),
        skipped,
        ...(capacities && { capacities }),
      });
      await lines.end();
    },
    [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
  };
}

/** Deltas or audio chunks that are encoded at once: some tens of kilobytes. */
const SLICE = 1000;

/** Returns the line of a sample, in parts if it is long: encoding many megabytes at once would block the run. */
export function* linePartsOf(sample: Sample): Generator<LinePart> {
  const line = { schema: "earshot.sample/1", ...sample };
  const { deltas, audioSent, ...rest } = line;
  const count = deltas.length + audioSent.length;
  if (count <= SLICE) {
    yield { text: () => `${plainJson(line)}\n`, weight: 5 + count };
    return;
  }
  yield {
    text: () => `${plainJson(rest).slice(0, -1)},"deltas":[`,
    weight: 5,
  };
  yield* listParts(deltas);
  yield { text: () => `],"audioSent":[`, weight: 0 };
  yield* listParts(audioSent);
  yield { text: () => "]}\n", weight: 0 };
}

/** Returns the items of a list, without its brackets. */
function* listParts(list: readonly unknown[]): Generator<LinePart> {
  for (let from = 0; from < list.length; from += SLICE) {
    yield {
      text: () => {
        const items = plainJson(list.slice(from, from + SLICE)).slice(1, -1);
        return from === 0 ? items : `,${items}`;
      },
      weight: Math.min(SLICE, list.length - from),
    };
  }
}
