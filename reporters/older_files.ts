import type { PluginConfig, RunConfig, RunInfo } from "../plugins/mod.ts";
import { isRecord } from "../lib/record.ts";
import { parseOptions } from "../plugins/options.ts";
import { parseSpec } from "../plugins/spec.ts";

/** A plugin as `earshot.report/1` and `earshot.samples/1` describe it. */
interface OldPlugin {
  readonly name: string;
  readonly options?: unknown;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** The key `run` of `earshot.report/1` and `earshot.samples/1`. */
export interface OldRun
  extends Omit<RunInfo["run"], "config" | "facts" | "seed"> {
  readonly seed: number;
  readonly config: {
    readonly backend: OldPlugin;
    readonly dataset: OldPlugin;
    readonly load: string;
    readonly stop: RunConfig["stop"];
    readonly normalizer: string;
    readonly slo?: readonly string[];
  };
}

/** Converts the run of a version 1 file to the present form. */
export function upgradeRun({ seed, config, ...run }: OldRun): RunInfo["run"] {
  const { backend, dataset, load, stop, normalizer, slo = [] } = config;
  return {
    ...run,
    config: {
      version: 1,
      backend: upgradePlugin(backend),
      data: Array.isArray(dataset.options)
        ? dataset.options.map(upgradePlugin)
        : [upgradePlugin(dataset)],
      load: upgradeLoad(load),
      stop,
      slos: slo,
      seed,
      normalizer: normalizer === "none" ? "none" : "basic",
      strict: false,
      reports: [],
    },
    facts: {
      ...(backend.facts && { backend: backend.facts }),
      ...(dataset.facts && { data: dataset.facts }),
    },
  };
}

function upgradePlugin({ name, options }: OldPlugin): PluginConfig {
  return { use: name, with: isRecord(options) ? options : {} };
}

/** Version 1 has the load as text: `concurrent=1,8`. */
function upgradeLoad(text: string): PluginConfig {
  if (text === "") return { use: "inline:load", with: {} };
  const spec = parseSpec(text);
  const primary = spec.name === "concurrent" ? "streams" : "rates";
  const { options } = parseOptions(spec, { primary, options: ANY });
  return {
    use: spec.name,
    with: { ...options, [primary]: [options[primary] ?? []].flat() },
  };
}

/** A schema without types. */
const ANY = {
  "~standard": {
    version: 1,
    vendor: "earshot",
    validate: (value: unknown) => ({ value }),
  },
} as const;
