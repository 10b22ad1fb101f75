import type { Command } from "commander";
import type { SetExitCode } from "../main.ts";
import { collect } from "./run.ts";

/** What `earshot check` is told. */
export interface CheckFlags {
  readonly backend?: string;
  readonly target?: string;
  readonly model?: string;
  readonly data: readonly string[];
  readonly messages: string;
}

/** Adds `earshot check`. */
export function addCheck(program: Command, setExitCode: SetExitCode): void {
  program.command("check")
    .summary("send one request and show all of it")
    .description(
      "Sends one request and tells all: what was sent, what came back, and what would be timed.",
    )
    .option(
      "-b, --backend <plugin>",
      "what to send, as for run (default: realtime)",
    )
    .option(
      "-t, --target <url>",
      "the server (default: the bundled reference server)",
    )
    .option("-m, --model <name>", "the model")
    .option(
      "-d, --data <data>",
      "where the request comes from: its first item that can be used; again for several (default: as for run)",
      collect,
      [],
    )
    .option("--messages <n>", "show at most this many messages each way", "40")
    .addHelpText(
      "after",
      `
Examples:
  earshot check
  earshot check --backend chat
  earshot check --target ws://127.0.0.1:8000 --data ./speech/one.flac
`,
    )
    .action(async (flags: CheckFlags) => {
      const { checkCommand } = await import("../check_command.ts");
      setExitCode(await checkCommand(flags));
    });
}
