import type {
  PluginConfig,
  Report,
  RunFacts,
  RunInfo,
  Skipped,
  StopRules,
} from "../../plugins/mod.ts";
import { formatPlugin } from "../../plugins/spec.ts";
import type { Fact, Section } from "./model.ts";
import { plural, seconds, times } from "./numbers.ts";
import { message, nameOf } from "./text.ts";

/** The run as a whole: what was offered, to which server. */
export function runSection({ earshot, run }: RunInfo): Section {
  const { config, facts, loadingMs } = run;
  const { backend } = facts;
  const target = textFact(backend, "url") ?? textFact(backend, "target");
  const items = numberFact(facts.data, "items");
  const data = config.data.map((each) => pluginName(each, facts)).join(" + ");
  const count = items === undefined ? "" : ` (${plural(items, "item")})`;
  return {
    title: [
      `earshot ${nameOf(earshot.version)}`,
      describeBackend(pluginName(config.backend, facts), backend),
      textFact(backend, "model"),
    ].filter((part) => part !== undefined).join(" · "),
    blocks: [{
      title: "run",
      facts: [
        ...target ? [{ label: "server", value: target }] : [],
        { label: "data", value: `${data}${count}, seed ${config.seed}` },
        { label: "load", value: describeLoad(run) },
        { label: "loaded in", value: seconds(loadingMs) },
      ],
    }],
  };
}

function describeLoad({ config, facts }: RunInfo["run"]): string {
  const loads = [config.load].flat().map((each) =>
    nameOf(formatPlugin({ ...each, use: pluginName(each, facts) }))
      // Between options a line may end.
      .replace(/,(?=\w+=)/g, ", ")
  );
  const { repeat } = config;
  return [
    loads.join("; "),
    ...lengthOf(config.stop),
    ...(repeat !== undefined && repeat > 1 ? [`${repeat} repetitions`] : []),
  ].join(", ");
}

function lengthOf({ durationMs, requests }: StopRules): string[] {
  return [
    ...(durationMs === undefined ? [] : [`${seconds(durationMs)} a stage`]),
    ...(requests === undefined
      ? []
      : [`${plural(requests, "request")} a stage`]),
  ];
}

type PluginFacts = RunFacts["backend"];

/** Returns the name of a plugin; the last part of its path or URL if the report does not hold the name. */
function pluginName({ use }: PluginConfig, { names = {} }: RunFacts): string {
  if (Object.hasOwn(names, use)) return nameOf(names[use]!);
  const path = use.split(/[#?]/, 1)[0]!;
  return nameOf(/[\\/]/.test(path) ? path.split(/[\\/]/).at(-1)! : use);
}

function describeBackend(use: string, backend: PluginFacts): string {
  const dialect = textFact(backend, "dialect");
  const mode = textFact(backend, "mode");
  const name = use + (dialect ? `/${dialect}` : "");
  if (!mode) return name;
  if (mode !== "stream") return `${name}, ${mode}`;
  const speed = speedOf(backend);
  return `${name}, streaming${speed === undefined ? "" : ` ${speed}`}`;
}

/** How fast audio is sent, if the backend reports it: `at 1.0x`. */
export function speedOf(backend: PluginFacts): string | undefined {
  const speed = numberFact(backend, "speed");
  if (speed === undefined) return undefined;
  return speed === 0 ? "unpaced" : `at ${times(speed)}`;
}

function textFact(facts: PluginFacts, key: string): string | undefined {
  const value = facts?.[key];
  return typeof value === "string" && value !== "" ? nameOf(value) : undefined;
}

function numberFact(facts: PluginFacts, key: string): number | undefined {
  const value = facts?.[key];
  return typeof value === "number" ? value : undefined;
}

/** Facts about the early end of a run. */
export function endFacts({ interrupted, error }: Report): Fact[] {
  if (error !== undefined) {
    return [{ value: `ended by an error: ${message(error)}`, tone: "bad" }];
  }
  if (!interrupted) return [];
  return [{
    value: "interrupted: results until the interruption",
    tone: "warning",
  }];
}

/** Items of the data that were left out: the first five. */
export function skippedSections({ count, items }: Skipped): Section[] {
  if (count === 0) return [];
  const shown = items.slice(0, 5);
  const more = count - shown.length;
  const rows = shown.map(({ id, reason }) => ({
    label: nameOf(id),
    cells: [message(reason)],
  }));
  return [{
    title: "skipped",
    status: { text: plural(count, "unusable item"), tone: "warning" },
    blocks: [{
      columns: [{ head: "reason", align: "left", wraps: true }],
      parts: [{ title: "item", rows }],
      ...(more > 0 && { notes: [`… and ${more} more`] }),
    }],
  }];
}
