import { z } from "zod";
import { type Configured, defineReporter, type Sample } from "../mod.ts";

/** A reporter that keeps every sample. */
export function collector(samples: Sample[]): Configured<"reporter"> {
  return defineReporter({
    name: "collector",
    summary: "Keeps every sample",
    options: z.strictObject({}),
    open: () => ({
      samples: (batch) => void samples.push(...batch),
      report() {},
    }),
  })({});
}
