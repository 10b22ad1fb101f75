import type { Command } from "commander";
import type { SetExitCode } from "../exit_code.ts";
import { collect } from "../flags.ts";

interface ReportFlags {
  readonly normalizer?: string;
  readonly report?: readonly string[];
  readonly quiet?: boolean;
}

/** Adds `earshot report`. */
export function addReport(program: Command, setExitCode: SetExitCode): void {
  program.command("report")
    .summary("make a report again from saved samples")
    .description(
      "Makes a report again from the samples that a run saved with --report jsonl=FILE.",
    )
    .argument("<samples>", "the file of samples")
    .option(
      "--normalizer <name>",
      "compare words again after this: none | basic (default: as in the run)",
    )
    .option(
      "-r, --report <plugin>",
      "where results go: console | json=FILE | csv=FILE[,rows=requests]; repeat for several (console is added unless one prints to standard output)",
      collect,
    )
    .option("-q, --quiet", "no summary beside other reports")
    .addHelpText(
      "after",
      `
Examples:
  earshot report samples.jsonl
  earshot report samples.jsonl --normalizer none --report json=again.json
`,
    )
    .action(async (samples: string, flags: ReportFlags) =>
      setExitCode(await reportCommand(samples, flags))
    );
}

/** Runs `earshot report`; returns the exit code. */
async function reportCommand(
  path: string,
  flags: ReportFlags,
): Promise<number> {
  const { systemClock } = await import("../../core/clock.ts");
  const { disposeInTime } = await import("../../lib/disposal.ts");
  const { reportToAll } = await import("../../plugins/run.ts");
  const { exitCodeOf, printMissedSlos } = await import("../exit_code.ts");
  const { interruptible } = await import("../interrupt.ts");
  const { warn } = await import("../output.ts");
  const { readReports } = await import("../prepare.ts");
  const { replay } = await import("../replay.ts");
  using interrupt = interruptible();
  await using open = new AsyncDisposableStack();
  const context = {
    env: (name: string) => Deno.env.get(name),
    signal: interrupt.signal,
    warn,
  };
  const { configured, normalizer } = await readReports(flags, path);
  const reporters = [];
  for (const each of configured) {
    const reporter = await each.open(context);
    open.defer(() =>
      disposeInTime(
        `reporter "${each.name}"`,
        () => reporter[Symbol.asyncDispose]?.(),
        { clock: systemClock(), warn },
      )
    );
    reporters.push(reporter);
  }
  const report = await replay(path, {
    ...(normalizer !== undefined && { normalizer }),
    reporters,
    warn,
  });
  await reportToAll(reporters, report);
  printMissedSlos(report);
  return exitCodeOf(report);
}
