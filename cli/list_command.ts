import { type Kind, kinds, type Plugin } from "../plugins/plugin.ts";
import { loadPlugin, loadPlugins } from "../plugins/load.ts";
import { jsonSchemaOf } from "../plugins/problems.ts";
import { catalogue } from "../catalogue.ts";
import { optionLines } from "../plugins/options.ts";
import { visible, visibleJson } from "./output.ts";

/** `earshot list`. */
export async function listCommand(
  { json }: { readonly json?: boolean },
): Promise<void> {
  const all = await builtIns();
  if (json) {
    const rows = all.map(({ kind, definition: { name, summary } }) => ({
      kind,
      name,
      summary,
    }));
    console.log(visibleJson(JSON.stringify(rows, undefined, 2)));
    return;
  }
  const width =
    Math.max(...all.map(({ definition }) => definition.name.length)) +
    2;
  for (const kind of kinds) {
    console.log(`${kind}s`);
    for (const { definition } of all.filter((each) => each.kind === kind)) {
      console.log(
        `  ${definition.name.padEnd(width)}${definition.summary}`,
      );
    }
  }
  console.log("\nearshot info NAME shows the options of each");
}

/** `earshot info`. */
export async function infoCommand(
  name: string,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const plugins = await loadPlugins(name, { catalogue });
  if (json) {
    const rows = plugins.map(({ kind, definition }) => {
      const { name, summary, primary, options } = definition;
      return { kind, name, summary, primary, options: jsonSchemaOf(options) };
    });
    console.log(visibleJson(JSON.stringify(rows, undefined, 2)));
    return;
  }
  const texts = plugins.map(({ kind, definition }) => {
    const { name, summary, primary, options } = definition;
    return [
      `${name} (${kind}): ${summary}`,
      "",
      ...optionLines(jsonSchemaOf(options), { name, primary }),
    ].join("\n");
  });
  console.log(visible(texts.join("\n\n")));
}

/** Every plugin of the catalogue, kind by kind. */
function builtIns(): Promise<readonly Plugin<Kind, unknown>[]> {
  return Promise.all(
    kinds.flatMap((kind) =>
      Object.keys(catalogue[kind]).map((name) =>
        loadPlugin(kind, name, { catalogue })
      )
    ),
  );
}
