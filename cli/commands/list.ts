import type { Command } from "commander";
import { visible, visibleJson } from "../output.ts";

interface JsonFlag {
  readonly json?: boolean;
}

/** Adds `earshot list`. */
export function addList(program: Command): void {
  program.command("list")
    .summary("list the built-in plugins")
    .description("Lists the built-in plugins.")
    .option("--json", "write JSON")
    .action(async (flags: JsonFlag) => await listCommand(flags));
}

/** Adds `earshot info`. */
export function addInfo(program: Command): void {
  program.command("info")
    .summary("show the options of a plugin")
    .description(
      "Shows the options of a plugin with their types, units and defaults.",
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
    .action(async (name: string, flags: JsonFlag) =>
      await infoCommand(name, flags)
    );
}

/** Runs `earshot list`. */
async function listCommand({ json }: JsonFlag): Promise<void> {
  const { kinds } = await import("../../plugins/load.ts");
  const { catalogue } = await import("../../catalogue.ts");
  const loads = kinds.flatMap((kind) => Object.values(catalogue[kind]));
  const all = await Promise.all(loads.map((load) => load()));
  if (json) {
    return printJson(all.map(({ kind, definition: { name, summary } }) => ({
      kind,
      name,
      summary,
    })));
  }
  const names = all.map(({ definition }) => definition.name);
  const width = Math.max(...names.map((name) => name.length)) + 2;
  for (const kind of kinds) {
    console.log(`${kind}s`);
    for (const { definition } of all.filter((each) => each.kind === kind)) {
      console.log(`  ${definition.name.padEnd(width)}${definition.summary}`);
    }
  }
  console.log("\nearshot info NAME shows the options of each");
}

/** Runs `earshot info`. */
async function infoCommand(
  specifier: string,
  { json }: JsonFlag,
): Promise<void> {
  const { loadPlugins } = await import("../../plugins/load.ts");
  const { optionLines } = await import("../../plugins/options.ts");
  const { jsonSchemaOf } = await import("../../plugins/schema.ts");
  const { catalogue } = await import("../../catalogue.ts");
  const plugins = await loadPlugins(specifier, { catalogue });
  const all = plugins.map(({ kind, definition }) => {
    const { name, summary, primary, options } = definition;
    return { kind, name, summary, primary, options: jsonSchemaOf(options) };
  });
  if (json) return printJson(all);
  const texts = all.map(({ kind, name, summary, primary, options }) =>
    [
      `${name} (${kind}): ${summary}`,
      "",
      ...optionLines(options, { name, primary }),
    ].join("\n")
  );
  console.log(visible(texts.join("\n\n")));
}

function printJson(rows: readonly unknown[]): void {
  console.log(visibleJson(JSON.stringify(rows, undefined, 2)));
}
