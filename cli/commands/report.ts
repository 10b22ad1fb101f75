import type { Command } from "commander";
import { collect } from "../flags.ts";
import { interruptible } from "../interrupt.ts";
import {
  exitCodeOf,
  printProblems,
  type SetExitCode,
  warn,
} from "../output.ts";

interface ReportFlags {
  readonly normalizer?: string;
  readonly slo?: readonly string[];
  readonly report?: readonly string[];
  readonly quiet?: boolean;
  readonly color?: string;
}

/** Adds `earshot report`. */
export function addReport(program: Command, setExitCode: SetExitCode): void {
  program.command("report")
    .summary("make a report again from saved samples")
    .description(
      "Makes a report again from the samples that a run saved with --report jsonl=FILE, or shows the report that it " +
        "saved with --report json=FILE. Exits as the run did (with 130 after any signal), or by other objectives.",
    )
    .argument("<file>", "the file of samples, or a report")
    .option(
      "--normalizer <name>",
      "compare words again after this: none | basic (default: as in the run)",
    )
    .option(
      "--slo <objective>",
      "judge every stage by this, as run does: ttft.p95<200ms; repeat for several (default: as in the run)",
      collect,
    )
    .option(
      "-r, --report <plugin>",
      "where results go: console | html=FILE | json=FILE | csv=FILE[,rows=requests] | markdown=FILE | junit=FILE; repeat for several (console is added unless one prints to standard output)",
      collect,
    )
    .option(
      "--color <when>",
      "colour of the console's report: auto (on a terminal, unless NO_COLOR is set) | always | never (default: auto)",
    )
    .option("-q, --quiet", "no summary beside other reports")
    .addHelpText(
      "after",
      `
Examples:
  earshot report samples.jsonl
  earshot report samples.jsonl --report html=run.html
  earshot report samples.jsonl --normalizer none --report json=again.json
  earshot report run.json --slo 'ttft.p95<200ms' --slo 'errorRate<1%'
`,
    )
    .action(async (file: string, flags: ReportFlags) =>
      setExitCode(await reportCommand(file, flags))
    );
}

/** Runs `earshot report`; returns the exit code. */
async function reportCommand(
  file: string,
  flags: ReportFlags,
): Promise<number> {
  const { systemClock } = await import("../../core/clock.ts");
  const { openPlugin, reportToAll } = await import("../../plugins/run.ts");
  const { readReports } = await import("../prepare.ts");
  const { replay } = await import("../replay.ts");
  using interrupt = interruptible();
  await using stack = new AsyncDisposableStack();
  const context = {
    env: (name: string) => Deno.env.get(name),
    signal: interrupt.signal,
    warn,
  };
  const { configured, ...settings } = await readReports(flags, file);
  const reporters = [];
  const clock = systemClock();
  for (const each of configured) {
    reporters.push(await openPlugin(each, context, { stack, clock }));
  }
  const report = await replay(file, { ...settings, reporters, warn });
  await reportToAll(reporters, report);
  await printProblems(report, configured.map(({ name }) => name));
  return exitCodeOf(report);
}
