import type { Report } from "../mod.ts";
import { visible } from "./output.ts";
import { say } from "./warn.ts";

/** What the exit code says: see `earshot --help`. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  missed: 3,
  notValid: 4,
  interrupted: 130,
} as const;

/** The exit code of a run that came to a report. */
export function exitCodeOf({ interrupted, stages }: Report): number {
  if (interrupted) return EXIT.interrupted;
  const found = new Set(stages.map(({ verdict }) => verdict.status));
  if (found.has("failed") || stages.length === 0) return EXIT.failed;
  const missed = stages.some(({ slo = [] }) => slo.some(({ pass }) => !pass));
  if (missed) return EXIT.missed;
  return found.has("client-limited") ? EXIT.notValid : EXIT.done;
}

/** Names every objective that a stage missed, on standard error. */
export function sayMissed({ stages }: Report): void {
  for (const { name, slo = [] } of stages) {
    for (const { objective, value, pass } of slo) {
      if (pass) continue;
      const measured = value === undefined
        ? "no request ended, so there is nothing to judge by"
        : `it was ${Number((100 * value).toPrecision(6))} %`;
      say(
        `earshot: stage "${visible(name)}" missed ${objective}: ${measured}`,
      );
    }
  }
}
