import type { Command } from "commander";

/** Adds `earshot list`. */
export function addList(program: Command): void {
  program.command("list")
    .summary("list the built-in plugins and loads")
    .description("Lists the built-in plugins and loads.")
    .option("--json", "write JSON")
    .action(async (flags: { readonly json?: boolean }) => {
      const { listCommand } = await import("../list_command.ts");
      await listCommand(flags);
    });
}

/** Adds `earshot info`. */
export function addInfo(program: Command): void {
  program.command("info")
    .summary("show what a plugin or a load takes")
    .description(
      "Shows what a plugin or a load takes: options, units, defaults.",
    )
    .argument("<name>", "a built-in name, a file or a URL")
    .option("--json", "write JSON, with the JSON Schema of the options")
    .addHelpText(
      "after",
      `
Examples:
  earshot info realtime
  earshot info concurrent
  earshot info https://example.org/my_backend.ts --json
`,
    )
    .action(async (name: string, flags: { readonly json?: boolean }) => {
      const { infoCommand } = await import("../list_command.ts");
      await infoCommand(name, flags);
    });
}
