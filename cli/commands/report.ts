import type { Command } from "commander";
import type { SetExitCode } from "../main.ts";

/** What `earshot report` is told. */
export interface ReportFlags {
  readonly normalizer?: string;
  readonly report: readonly string[];
  readonly quiet?: boolean;
}

/** Adds `earshot report`. */
export function addReport(program: Command, setExitCode: SetExitCode): void {
  program.command("report")
    .summary("make a report again from saved samples")
    .description(
      "Makes a report again from the samples that a run saved with --report jsonl=FILE.",
    )
    .argument("<samples>", "the file that was saved")
    .option(
      "--normalizer <name>",
      "compare words anew: none | basic (default: as in the run)",
    )
    .option(
      "-r, --report <plugin>",
      "where results go: console | json=FILE | csv=FILE[,rows=requests]; again for several (console is added unless one prints to standard output)",
      (value: string, before: readonly string[]) => [...before, value],
      [],
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
    .action(async (samples: string, flags: ReportFlags) => {
      const { reportCommand } = await import("../report_command.ts");
      setExitCode(await reportCommand(samples, flags));
    });
}
