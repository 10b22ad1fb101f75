import { resolve } from "node:path";
import type { PluginConfigInput } from "../core/config.ts";
import { UsageError } from "../core/errors.ts";
import type { Configured } from "./plugin.ts";

/**
 * Returns the data of a run: that which is given, else that which a load brings, if any.
 *
 * @param loads The loads, with valid options.
 * @throws {UsageError} If a load brings data, and the run has other data than this plugin with these options.
 */
export function dataOfRun(
  loads: readonly Configured<"load">[],
  given: readonly PluginConfigInput[] | undefined,
): readonly PluginConfigInput[] | undefined {
  return loads.reduce((data, load) => dataWith(load, data), given);
}

function dataWith(
  { name, definition, options }: Configured<"load">,
  given: readonly PluginConfigInput[] | undefined,
): readonly PluginConfigInput[] | undefined {
  const own = definition?.data?.(options);
  if (own === undefined) return given;
  if (given === undefined) return [own];
  if (given.some((each) => includes(each, own))) return given;
  const spec = Object.entries(own.with ?? {}).map((pair) => pair.join("="));
  throw new UsageError(
    `${name} brings data of its own, ${
      [own.use, ...spec].join()
    }, but the run has other data: leave out one of them`,
  );
}

/** Whether a plugin has the options of another one, and any others. */
function includes(
  { use, with: given = {} }: PluginConfigInput,
  own: PluginConfigInput,
): boolean {
  return use === own.use &&
    Object.entries(own.with ?? {}).every(([name, value]) =>
      isEqual(given[name], value)
    );
}

/** Whether two options are equal. A path may be written in several ways. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a === "string" && typeof b === "string") {
    return a === b || resolve(a) === resolve(b);
  }
  return JSON.stringify(a) === JSON.stringify(b);
}
