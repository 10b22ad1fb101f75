// docs/load.md: a section for each load with its options, and pictures of real runs. UPDATE_GOLDEN=1 writes both.

import assert from "node:assert/strict";
import { catalogue } from "../catalogue.ts";
import { parseSlos } from "../core/slo.ts";
import {
  type Configured,
  type Plugin,
  type Random,
  random,
} from "../plugins/mod.ts";
import {
  type JsonSchema,
  jsonSchemaOf,
  resolveSchema,
} from "../plugins/schema.ts";
import { isRecord } from "../lib/record.ts";
import { drawLoad } from "../tests/support/load_picture.ts";
import {
  offer,
  type OfferOptions,
  openLoad,
} from "../tests/support/offered_load.ts";
import { drawSearch } from "../tests/support/search_picture.ts";
import { simulateSearch } from "../tests/support/simulated_server.ts";
import { burst } from "./burst.ts";
import { concurrent, sync, throughput } from "./concurrent.ts";
import { constant, gamma, poisson } from "./open_loop.ts";
import { shownTime } from "./options.ts";
import { ramp } from "./ramp.ts";
import { replay } from "./replay.ts";
import { search } from "./search.ts";
import { steps } from "./steps.ts";
import { sweep } from "./sweep.ts";
import { users } from "./users.ts";

const PAGE = new URL("../docs/load.md", import.meta.url);
const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";

const END_MS = 10_000;
const text = { columns: { text: "hello" } };

/** Recorded starts, in milliseconds: single calls, clumps, a busy time and lulls. */
const TRACE = [
  ...[0, 240, 310, 1150, 1190, 1420, 1460, 1475, 1530, 2600],
  ...[3350, 3410, 3420, 3980, 4100, 4130, 4160, 4195, 4230, 4310],
  ...[4650, 5900, 7020, 7050, 7600, 8140, 8190, 8200, 8850, 9400],
];

/** The load of each picture, as the page describes it. */
const PICTURES: readonly (readonly [Configured<"load">, OfferOptions?])[] = [
  [sync({})],
  [concurrent({ streams: [8] })],
  [throughput({ maxInFlight: 24 })],
  [constant({ rates: [5] })],
  [poisson({ rates: [5] })],
  [gamma({ rates: [5], burstiness: 0.2 })],
  [burst({ sizes: [15], everyMs: 3000 })],
  [ramp({ from: 1, to: 15, overMs: END_MS })],
  [steps({ levels: [3, 12, 6], holdMs: 3333, of: "concurrency" })],
  [users({ users: 10, arrive: 2, thinkMs: 1000 }), { turns: [text, text] }],
  [replay({}), { startsMs: TRACE, stop: {} }],
];

for (const [load, options] of PICTURES) {
  Deno.test(`docs/images/load/${load.name}.svg shows a run of the load`, async () => {
    const stop = { durationMs: END_MS };
    const { samples } = await offer(load, { stop, ...options });
    await checkPicture(load.name, drawLoad(samples, { endMs: END_MS }));
  });
}

Deno.test("docs/images/load/sweep.svg shows all stages of a run", async () => {
  const { samples, stages } = await offer(
    sweep({ points: 4, maxInFlight: 12 }),
    { stop: { warmupMs: 500, durationMs: 1000 } },
  );
  const lastMs = Math.max(...samples.map(({ endedMs }) => endedMs));
  const svg = drawLoad(samples, {
    endMs: Math.ceil(lastMs / 1000) * 1000,
    stages: stages.map(({ window, load }) => [
      window.stageStartMs,
      load.ratePerSecond === undefined
        ? `${load.concurrency} at a time`
        : `${load.ratePerSecond}/s`,
    ]),
  });
  await checkPicture("sweep", svg);
});

Deno.test("docs/images/load/search.svg shows the levels of a search", async () => {
  const profile = await openLoad(search({ from: 4 }));
  const levels = profile((purpose) => random(1, purpose), {
    stop: {},
    slos: parseSlos(["latency.p95<800ms"]),
    normalizer: "none",
  });
  const server = { seats: 16, serviceMs: (draw: Random) => 200 + 400 * draw() };
  const found = simulateSearch(levels, { server, seed: 1 });
  assert.ok(found);
  await checkPicture("search", drawSearch(found));
});

/** Checks that the picture of a load is the given one, and that its section shows it. */
async function checkPicture(load: string, svg: string): Promise<void> {
  const name = `images/load/${load}.svg`;
  const file = new URL(`../docs/${name}`, import.meta.url);
  if (isUpdate) await Deno.writeTextFile(file, svg);
  assert.equal(svg, await Deno.readTextFile(file));
  const page = await Deno.readTextFile(PAGE);
  assert.ok(sectionOf(load, page).includes(`(${name})`));
}

/** The text from the heading of a load to the next heading. */
function sectionOf(name: string, page: string): string {
  const [, section] = page.split(`\n## ${name}\n`);
  assert.ok(section !== undefined, `docs/load.md has no section ${name}`);
  return section.split("\n## ")[0]!;
}

/** A table of options, formatted as `deno fmt` does. */
function optionTable({ definition }: Plugin<"load", never>): string {
  const schema = jsonSchemaOf(definition.options) ?? {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const rows = Object.entries(properties).map(([name, part]) => {
    const option = resolveSchema(part, schema);
    const isRequired = required.includes(name);
    return [
      `\`${name}\`${name === definition.primary ? " (first)" : ""}`,
      isRequired ? "required" : shownDefault(name, option),
      String(option.description),
    ];
  });
  const table = [["option", "default", "meaning"], ...rows];
  const widths = [0, 1, 2].map((i) =>
    Math.max(...table.map((row) => row[i]!.length))
  );
  const lines = table.map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`
  );
  const rule = widths.map((width) => "-".repeat(width)).join(" | ");
  return [lines[0], `| ${rule} |`, ...lines.slice(1)].join("\n");
}

function shownDefault(name: string, option: JsonSchema): string {
  const { default: value } = option;
  if (value === undefined) return "";
  if (typeof value === "string") return `\`${value}\``;
  return name.endsWith("Ms") ? shownTime(Number(value)) : String(value);
}

for (const [name, open] of Object.entries(catalogue.load)) {
  Deno.test(`docs/load.md has the options of ${name}`, async () => {
    const plugin = await open() as Plugin<"load", never>;
    const table = optionTable(plugin);
    const page = await Deno.readTextFile(PAGE);
    const section = sectionOf(name, page);
    if (table.split("\n").length === 2) return;
    const [found] = /^\| option .*(\n\|.*)*/m.exec(section) ?? [];
    assert.ok(found !== undefined, `${name} has no table of options`);
    if (isUpdate && found !== table) {
      const changed = section.replace(found, () => table);
      await Deno.writeTextFile(PAGE, page.replace(section, () => changed));
    } else assert.equal(found, table);
  });
}

Deno.test("README.md and the help of --load name every load", async () => {
  const readme = await Deno.readTextFile(
    new URL("../README.md", import.meta.url),
  );
  const [, row = ""] = /^\| loads +\|(.*)\|$/m.exec(readme) ?? [];
  const help = await Deno.readTextFile(
    new URL("../cli/goldens/run_help.txt", import.meta.url),
  );
  const names = Object.keys(catalogue.load);
  assert.deepEqual(
    row.split(",").map((each) => each.trim()),
    names.map((name) => `\`${name}\``),
  );
  const [, load = ""] = help.split("--load <load>");
  const [shown] = load.split("--duration");
  for (const name of names) {
    assert.match(shown!, new RegExp(`\\b${name}\\b`));
  }
});
