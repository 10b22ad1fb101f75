import type { Configured, Definition, Kind, Problem } from "../plugins/mod.ts";
import { loadPlugin } from "../plugins/load.ts";
import { explain, jsonSchemaOf } from "../plugins/schema_hints.ts";
import { catalogue } from "../catalogue.ts";
import { parseSpec } from "./spec.ts";
import { problemsWith, type ReadSpec, readSpec } from "./spec_options.ts";

/**
 * The plugin that `NAME[=PRIMARY][,key=value…]` names, with its options.
 *
 * @param shorthands Options given on their own, as `--target`: those that are undefined are left out.
 * @throws {UsageError} If there is no such plugin, or options are refused: every problem is listed.
 */
export async function pluginOf<K extends Kind>(
  kind: K,
  text: string,
  shorthands: Readonly<Record<string, unknown>> = {},
): Promise<Configured<K>> {
  const spec = parseSpec(text);
  const plugin = await loadPlugin(kind, spec.name, { catalogue });
  const read = readSpec(spec, plugin.definition);
  for (const [name, value] of Object.entries(shorthands)) {
    if (value !== undefined) read.options[name] ??= value;
  }
  const problems = await allProblems(read, plugin.definition);
  if (problems.length > 0) {
    throw problemsWith(`${kind} "${spec.name}"`, problems);
  }
  return plugin(read.options);
}

/** What could not be read, and what the schema has to say of the rest. */
async function allProblems(
  { options, problems }: ReadSpec,
  { options: schema }: Definition<Kind>,
): Promise<readonly Problem[]> {
  const result = await schema["~standard"].validate(options);
  if (!result.issues) return problems;
  const told = new Set(problems.map(({ path }) => path));
  const more = explain(result.issues, options, jsonSchemaOf(schema));
  return [...problems, ...more.filter(({ path }) => !told.has(path))];
}
