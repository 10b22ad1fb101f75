import { formatSloValue } from "../core/slo.ts";
import type { Report } from "../plugins/mod.ts";
import { printError, visible } from "./output.ts";

/** Exit codes: see `earshot --help`. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  missed: 3,
  notValid: 4,
  interrupted: 130,
} as const;

/** Sets the exit code of the program. */
export type SetExitCode = (code: number) => void;

/** Returns the exit code of a run that has a report. */
export function exitCodeOf({ interrupted, stages }: Report): number {
  if (interrupted) return EXIT.interrupted;
  const found = new Set(stages.map(({ verdict }) => verdict.status));
  if (found.has("failed") || stages.length === 0) return EXIT.failed;
  const missed = stages.some(({ slo = [] }) => slo.some(({ pass }) => !pass));
  if (missed) return EXIT.missed;
  return found.has("client-limited") ? EXIT.notValid : EXIT.done;
}

/** Prints every SLO that a stage missed to standard error. */
export function printMissedSlos({ stages }: Report): void {
  for (const { name, slo = [] } of stages) {
    for (const result of slo) {
      if (result.pass) continue;
      const measured = result.value === undefined
        ? result.reason ?? "no data"
        : `it was ${formatSloValue(result)}`;
      const stage = visible(name);
      printError(
        `earshot: stage "${stage}" missed ${result.objective}: ${measured}`,
      );
    }
  }
}
