import { styleText } from "node:util";
import { redactSpec, redactText } from "../lib/redact.ts";
import { stagesOutsideSearches } from "../core/report.ts";
import type { Report, StageReport } from "../plugins/mod.ts";
import { visible } from "../reporters/safe_text.ts";

export { visible, visibleJson } from "../reporters/safe_text.ts";

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
export function exitCodeOf(report: Report): number {
  if (report.error !== undefined) return EXIT.failed;
  if (report.interrupted) return EXIT.interrupted;
  const stages = judgedStages(report);
  const { capacities = [] } = report;
  const answers = new Set(capacities.map(({ status }) => status));
  // The server answered nothing at the last level.
  if (capacities.some(({ levels }) => levels.at(-1)?.outcome === "failed")) {
    return EXIT.failed;
  }
  if (answers.has("below")) return EXIT.missed;
  if (answers.has("undecided") || answers.has("not-monotone")) {
    return EXIT.notValid;
  }
  if (answers.size > 0 && stages.length === 0) return EXIT.done;
  const found = new Set(stages.map(({ verdict }) => verdict.status));
  if (found.has("failed") || stages.length === 0) return EXIT.failed;
  const missed = stages.some(({ slo = [] }) => slo.some(({ pass }) => !pass));
  if (missed) return EXIT.missed;
  return found.has("client-limited") ? EXIT.notValid : EXIT.done;
}

/**
 * The stages that the exit code depends on: not the levels of a search, and not what a rule of the run ended before it
 * measured anything, unless there is nothing else.
 */
function judgedStages(report: Report): StageReport[] {
  const outside = stagesOutsideSearches(report);
  const measured = outside.filter((stage) =>
    stage.stopCause?.scope !== "run" || hasMeasured(stage)
  );
  return measured.length > 0 ? measured : outside;
}

function hasMeasured({ counts }: StageReport): boolean {
  const { ok, error, timeout, cancelled } = counts;
  return ok + error + timeout + cancelled > 0;
}

/** Shows a warning on standard error. */
export function warn(message: string): void {
  const mark = Deno.stderr.isTerminal() && !Deno.noColor
    ? styleText("yellow", "warning:")
    : "warning:";
  printError(`${mark} ${visible(redactText(message))}`);
}

/** Prints a line to standard error. Does nothing if the terminal is gone, so that the run still ends normally. */
export function printError(text: string): void {
  try {
    console.error(text);
  } catch {
    // Nobody can read it.
  }
}

/**
 * Makes a message safe for the terminal: without the secrets of URLs and of the arguments that it quotes, and without
 * control characters.
 */
export function safeMessage(text: string, args: readonly string[]): string {
  return visible(redactText(args.reduce(withoutSecrets, text)));
}

function withoutSecrets(text: string, arg: string): string {
  const [, option, value = arg] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
  // The value of an unknown option may be secret whatever its name.
  let shown = option === undefined ? text : text.replaceAll(arg, () => option);
  // Parts are replaced too, since messages quote a path without its "./".
  for (const part of [value, ...value.split(",")]) {
    const safe = redactSpec(part);
    if (safe !== part) shown = shown.replaceAll(part, () => safe);
  }
  return shown;
}

/**
 * Prints every missed SLO to standard error; and why the measurement is not valid, unless the console's report says that.
 *
 * @param reporters Names of the reporters.
 */
export async function printProblems(
  report: Report,
  reporters: readonly string[],
): Promise<void> {
  await printMissedSlos(report);
  if (reporters.includes("console")) return;
  if (exitCodeOf(report) !== EXIT.notValid) return;
  for (const { of, status, ended } of report.capacities ?? []) {
    if (status !== "undecided" && status !== "not-monotone") continue;
    const why = ended === undefined ? "" : `: ${visible(ended)}`;
    printError(`earshot: search of the ${of}: ${status}${why}`);
  }
  for (const { name, verdict } of judgedStages(report)) {
    if (verdict.status !== "client-limited") continue;
    const [reason = ""] = verdict.reasons;
    printError(
      `earshot: stage "${visible(name)}" is client-limited: ${visible(reason)}`,
    );
  }
}

async function printMissedSlos(report: Report): Promise<void> {
  const { formatSloValue } = await import("../core/slo.ts");
  for (const { name, slo = [] } of judgedStages(report)) {
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
