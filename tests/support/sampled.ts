import { z } from "zod";
import {
  defineReporter,
  type Report,
  run,
  type RunOptions,
  type Sample,
} from "../../mod.ts";

/** A run with its samples and warnings. */
export interface Sampled {
  readonly report: Report;
  readonly samples: readonly Sample[];
  readonly warnings: readonly string[];
}

/** Runs in this process and keeps every sample and warning. */
export async function sampled(
  options: Omit<RunOptions, "reporters" | "warn">,
): Promise<Sampled> {
  const samples: Sample[] = [];
  const warnings: string[] = [];
  const keep = defineReporter({
    name: "keep",
    summary: "Keeps every sample",
    options: z.strictObject({}),
    open: () => ({
      samples: (batch) => void samples.push(...batch),
      report() {},
    }),
  });
  const report = await run({
    ...options,
    reporters: [keep({})],
    warn: (message) => warnings.push(message),
  });
  return { report, samples, warnings };
}
