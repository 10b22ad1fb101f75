import { disclosure, element, foreignText, table } from "./element.ts";
import { formatNumber } from "./format.ts";
import type { View } from "./state.ts";

/** Configuration, machine and definitions: what is needed to repeat the run and to read its numbers. */
export function configurationSection({ data }: View): HTMLElement {
  const { earshot, run } = data.info;
  const machine: (readonly [string, string | undefined])[] = [
    ["earshot", earshot.version],
    ["Deno", earshot.deno],
    ["system", earshot.os],
    ["processor", earshot.cpu],
    ["logical processors", earshot.cores?.toString()],
    ["run", run.id],
    ["started", run.startedAt],
    ["start of the clock, ms since 1970", String(run.epochMs)],
    ["loading", `${formatNumber(run.loadingMs)} ms`],
  ];
  const skipped = data.end?.skipped;
  return element(
    "section",
    { id: "configuration", "aria-labelledby": "configuration-head" },
    element(
      "h2",
      { id: "configuration-head" },
      "Configuration and definitions",
    ),
    element(
      "p",
      {},
      "The configuration runs again with ",
      element("code", {}, "earshot run --config FILE"),
      ", from this text or from the JSON report.",
    ),
    disclosure("configuration-run", "Configuration", () => [
      json(run.config),
    ]),
    disclosure("configuration-facts", "Facts that the plugins reported", () => [
      json(run.facts),
    ]),
    disclosure("configuration-machine", "Environment", () => [
      table(
        "The machine that measured, and the run",
        [
          { head: "fact", isText: true, cell: ([name]) => name },
          {
            head: "value",
            isText: "long",
            cell: ([, value]) => foreignText(value ?? ""),
          },
        ],
        machine.filter(([, value]) => value !== undefined),
      ),
    ]),
    skipped && skipped.count > 0 && disclosure(
      "configuration-skipped",
      `Data that could not be used (${skipped.count})`,
      () => [
        table("The first items, each with its reason", [
          { head: "item", isText: true, cell: ({ id }) => foreignText(id) },
          {
            head: "reason",
            isText: "long",
            cell: ({ reason }) => foreignText(reason),
          },
        ], skipped.items),
      ],
    ),
    disclosure("definitions", "Definition of each metric", () => [
      element(
        "p.hint",
        {},
        "Instants are on one clock. start: the audio's own begin, or the dispatch of a request without streamed audio. over: when the last chunk of audio was due. Statistics are of the measured requests that ended ok, client metrics of all; an unknown value is left out and never 0. Percentiles are interpolated (type 7 of Hyndman and Fan).",
      ),
      table("Metrics", [
        { head: "metric", isText: true, cell: ({ label }) => label },
        {
          head: "name in JSON and SLOs",
          isText: true,
          cell: ({ name }) => element("code", {}, name),
        },
        { head: "unit", isText: true, cell: ({ unit }) => unit },
        { head: "definition", isText: "long", cell: ({ formula }) => formula },
      ], data.metrics),
    ]),
  );
}

function json(value: unknown): HTMLElement {
  return element(
    "pre",
    { tabindex: 0, dir: "ltr" },
    foreignText(JSON.stringify(value, undefined, 2)),
  );
}
