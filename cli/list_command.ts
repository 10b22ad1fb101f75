import { type Definition, type Kind, UsageError } from "../plugins/mod.ts";
import { loadPlugin } from "../plugins/load.ts";
import { jsonSchemaOf, suggestion } from "../plugins/schema_hints.ts";
import { catalogue } from "../catalogue.ts";
import { loads } from "./loads.ts";
import { optionLines } from "./option_lines.ts";
import { visible, visibleJson } from "./visible.ts";

const KINDS = ["backend", "dataset", "reporter"] as const;

/** A plugin or a load, as the command line tells of it. */
interface Told {
  readonly kind: Kind | "load";
  readonly name: string;
  readonly summary: string;
  readonly primary?: string | undefined;
  readonly options: Definition<Kind>["options"];
}

/** `earshot list`. */
export async function listCommand(
  { json }: { readonly json?: boolean },
): Promise<void> {
  const all = await everything();
  if (json) {
    const rows = all.map(({ kind, name, summary }) => ({
      kind,
      name,
      summary,
    }));
    console.log(visibleJson(JSON.stringify(rows, undefined, 2)));
    return;
  }
  const width = Math.max(...all.map(({ name }) => name.length)) + 2;
  for (const kind of [...KINDS, "load"] as const) {
    console.log(`${kind}s`);
    for (const { name, summary } of all.filter((each) => each.kind === kind)) {
      console.log(`  ${name.padEnd(width)}${summary}`);
    }
  }
  console.log("\nearshot info NAME shows the options of each");
}

/** `earshot info`. */
export async function infoCommand(
  name: string,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const found = await named(name);
  if (json) {
    const told = found.map(({ options, ...rest }) => ({
      ...rest,
      options: jsonSchemaOf(options),
    }));
    console.log(visibleJson(JSON.stringify(told, undefined, 2)));
    return;
  }
  const texts = found.map(({ kind, name, summary, primary, options }) =>
    [
      `${name} (${kind}): ${summary}`,
      "",
      ...optionLines(jsonSchemaOf(options), { name, primary }),
    ].join("\n")
  );
  console.log(visible(texts.join("\n\n")));
}

async function everything(): Promise<readonly Told[]> {
  const plugins = await Promise.all(
    KINDS.flatMap((kind) =>
      Object.keys(catalogue[kind]).map((name) => plugin(kind, name))
    ),
  );
  return [
    ...plugins,
    ...Object.entries(loads).map(([name, load]) => loadTold(name, load)),
  ];
}

async function plugin(kind: Kind, specifier: string): Promise<Told> {
  const { definition } = await loadPlugin(kind, specifier, { catalogue });
  const { name, summary, primary, options } = definition;
  return { kind, name, summary, primary, options };
}

function loadTold(
  name: string,
  { summary, primary, options }: (typeof loads)[string],
): Told {
  return { kind: "load", name, summary, primary, options };
}

/** A name may stand for a plugin of each kind: `csv` is a dataset and a reporter. */
async function named(name: string): Promise<readonly Told[]> {
  const builtIn = (await everything()).filter((each) => each.name === name);
  if (builtIn.length > 0) return builtIn;
  if (!/[./:]/.test(name)) {
    const names = [...new Set((await everything()).map((each) => each.name))];
    throw new UsageError(
      `Cannot tell of "${name}" as there is no plugin or load of that name; ${
        suggestion(name, names)
      }`,
    );
  }
  const errors: unknown[] = [];
  for (const kind of KINDS) {
    try {
      return [await plugin(kind, name)];
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}
