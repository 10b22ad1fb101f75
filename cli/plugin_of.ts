import type { Configured, Kind } from "../plugins/mod.ts";
import { loadPlugin } from "../plugins/load.ts";
import { catalogue } from "../catalogue.ts";
import { parseSpec } from "./spec.ts";
import { coerceSpec } from "./spec_options.ts";

/**
 * The plugin that `NAME[=PRIMARY][,key=value…]` names, with its options.
 *
 * @param shorthands Options given on their own, as `--target`: those that are undefined are left out.
 * @throws {UsageError} If there is no such plugin, or an option is not known or not of its type.
 */
export async function pluginOf<K extends Kind>(
  kind: K,
  text: string,
  shorthands: Readonly<Record<string, unknown>> = {},
): Promise<Configured<K>> {
  const spec = parseSpec(text);
  const plugin = await loadPlugin(kind, spec.name, { catalogue });
  const options = coerceSpec(spec, plugin.definition);
  for (const [name, value] of Object.entries(shorthands)) {
    if (value !== undefined) options[name] ??= value;
  }
  return plugin(options);
}
