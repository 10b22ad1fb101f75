import type { Command } from "commander";
import type { ConfigFlags } from "../config.ts";
import { collect } from "../flags.ts";
import type { SetExitCode } from "../output.ts";

/** Flags of `earshot check`. */
export interface CheckFlags
  extends
    Pick<ConfigFlags, "config" | "backend" | "target" | "model" | "data"> {
  readonly messages: string;
}

/** Adds `earshot check`. */
export function addCheck(program: Command, setExitCode: SetExitCode): void {
  program.command("check")
    .summary("send one request and show all of it")
    .description(
      "Sends one request and shows what was sent, what came back, and what would be timed.",
    )
    .option("--config <file>", "backend and data from a file, as for run")
    .option(
      "-b, --backend <plugin>",
      "how to send the request, as for run (default: realtime)",
    )
    .option(
      "-t, --target <url>",
      "the server (default: the bundled reference server)",
    )
    .option("-m, --model <name>", "the model")
    .option(
      "-d, --data <data>",
      "source of the request: its first item that can be used; repeat for several (default: as for run)",
      collect,
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
      const { check } = await import("../check.ts");
      setExitCode(await check(flags));
    });
}
