import type { Report } from "../mod.ts";

/** What the exit code says: see `earshot --help`. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notValid: 4,
  interrupted: 130,
} as const;

/** The exit code of a run that came to a report. */
export function exitCodeOf({ interrupted, stages }: Report): number {
  if (interrupted) return EXIT.interrupted;
  const found = new Set(stages.map(({ verdict }) => verdict.status));
  if (found.has("failed") || stages.length === 0) return EXIT.failed;
  if (found.has("client-limited") || found.has("too-few-samples")) {
    return EXIT.notValid;
  }
  return EXIT.done;
}
