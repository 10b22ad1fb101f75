import type { Configured, Definition, Kind, Problem } from "../plugins/mod.ts";
import { loadPlugin } from "../plugins/load.ts";
import { redactUrl } from "../lib/redact.ts";
import { explain, jsonSchemaOf, problemsError } from "../plugins/problems.ts";
import { catalogue } from "../catalogue.ts";
import { parseSpec } from "../plugins/spec.ts";
import { type ParsedOptions, parseOptions } from "../plugins/options.ts";

/** The option that names a plugin of each kind. */
const FLAGS: Readonly<Record<Kind, string>> = {
  backend: "--backend",
  dataset: "--data",
  reporter: "--report",
  load: "--load",
  dialect: "dialect",
};

/**
 * The plugin that `NAME[=PRIMARY][,key=value…]` names, with its options.
 *
 * @param shorthands Options given on their own, as `--target`: those that are undefined are left out, and none may
 * say something else than the spec.
 * @throws {UsageError} If there is no such plugin, or options are refused: every problem is listed.
 */
export async function pluginOf<K extends Kind>(
  kind: K,
  text: string,
  shorthands: Readonly<Record<string, unknown>> = {},
): Promise<Configured<K>> {
  const spec = parseSpec(text);
  const option = FLAGS[kind];
  const plugin = await loadPlugin(kind, spec.name, { catalogue, option });
  const read = parseOptions(spec, plugin.definition);
  const doubled = addTo(read.options, shorthands);
  const problems = [
    ...await allProblems(read, plugin.definition),
    ...doubled,
  ];
  if (problems.length > 0) {
    throw problemsError(redactUrl(spec.name), problems);
  }
  return plugin(read.options);
}

/** Adds options given on their own. Returns those that the spec has too, with another value. */
function addTo(
  options: Record<string, unknown>,
  shorthands: Readonly<Record<string, unknown>>,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(shorthands)) {
    if (value === undefined) continue;
    options[name] ??= value;
    if (options[name] === value) continue;
    // The values may hold passwords, as URLs do.
    const message = `must be given once: --${name} says something else`;
    problems.push({ path: name, message });
  }
  return problems;
}

/** What could not be read, and what the schema has to say of the rest. */
async function allProblems(
  { options, problems }: ParsedOptions,
  { options: schema }: Definition<Kind>,
): Promise<readonly Problem[]> {
  const result = await schema["~standard"].validate(options);
  if (!result.issues) return problems;
  const told = new Set(problems.map(({ path }) => path));
  const more = explain(result.issues, options, jsonSchemaOf(schema));
  return [...problems, ...more.filter(({ path }) => !told.has(path))];
}
