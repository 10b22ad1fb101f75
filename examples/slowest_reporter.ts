// A reporter that imports a package: load it from a file, or bundle it before you publish it at a URL.
//   earshot run --report console --report ./examples/slowest_reporter.ts=5
import { z } from "zod";
import {
  defineReporter,
  metricsOf,
  type ReporterPlugin,
  type Sample,
} from "../plugins/mod.ts";

/** Options of {@linkcode slowest}. */
export interface SlowestOptions {
  /** Number of requests to print. @default {3} */
  count?: number;
}

/** Prints the requests with the longest E2E latency. */
const slowest: ReporterPlugin<SlowestOptions> = defineReporter({
  name: "slowest",
  summary: "The requests with the longest E2E latency",
  primary: "count",
  options: z.strictObject({
    count: z.int().positive().default(3).describe(
      "Number of requests to print",
    ),
  }),
  open({ count }) {
    let kept: { id: string; latencyMs: number }[] = [];
    const rowOf = (sample: Sample) => ({
      id: sample.session.id,
      latencyMs: metricsOf(sample).latency ?? 0,
    });
    return {
      samples(batch) {
        kept = [...kept, ...batch.map(rowOf)]
          .sort((a, b) => b.latencyMs - a.latencyMs)
          .slice(0, count);
      },
      report() {
        for (const { id, latencyMs } of kept) {
          console.log(`${latencyMs.toFixed(0).padStart(8)} ms  ${id}`);
        }
      },
    };
  },
});

export default slowest;
