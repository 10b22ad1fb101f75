/**
 * Checks the client's share against what really happened: what the processes wrote to their sockets,
 * logged by a small library that is loaded into both. Linux with a C compiler only.
 *
 * `deno run -A bench/client_share/main.ts [--seconds 8] [--only NAME] [--json]`
 *
 * @module
 */
import { Command } from "commander";
import { compare, type Comparison } from "./compare.ts";
import { runScenario } from "./run.ts";
import { type Scenario, SCENARIOS } from "./scenario.ts";
import { readSocketLog, truths } from "./truth.ts";

const options = new Command("client_share")
  .option("--seconds <n>", "length of each run", Number, 8)
  .option("--only <name>", "run only the scenarios whose title contains this")
  .option("--json", "print JSON alone", false)
  .parse(Deno.args, { from: "user" })
  .opts<{ seconds: number; only?: string; json: boolean }>();

interface Row extends Comparison {
  readonly title: string;
}

function titleOf({ backend, name }: Scenario, hogs: number): string {
  return `${backend}, ${name}${hogs > 0 ? ", with a hog" : ""}`;
}

/** Compiles the library. Returns its path. */
async function compile(path: string): Promise<string> {
  const source = new URL("socket_log.c", import.meta.url).pathname;
  const { success } = await new Deno.Command("cc", {
    args: ["-O2", "-shared", "-fPIC", "-o", path, source, "-ldl"],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("cc cannot compile socket_log.c");
  return path;
}

async function measure(scenario: Scenario, hogs: number): Promise<Comparison> {
  const { seconds } = options;
  const files = await runScenario(scenario, { seconds, hogs, library, folder });
  const [client, server] = await Promise.all([
    readSocketLog(files.client),
    readSocketLog(files.server),
  ]);
  const isSaturated = scenario.name.endsWith("saturated");
  return compare(files, truths(client, server), { isSaturated });
}

/** The head of the table in docs/truth.md. */
const HEAD =
  `| load (requests) | figure | true ms | bound ms | covered | verdict |
| --- | --- | ---: | ---: | ---: | --- |`;

const NAMES: Readonly<Record<string, string>> = {
  ttft: "TTFT",
  latency: "end",
};

/** Formats a row, with a line for each figure that was measured. */
function linesOf({ title, found, figures, verdict, expected }: Row): string {
  const shown = verdict.status === expected
    ? expected
    : `${verdict.status}, ${expected} expected`;
  return Object.entries(figures).filter(([, { n }]) => n > 0)
    .map(([name, { trueMs, boundMs, covered }], i) =>
      cells(i === 0 ? `${title} (${found})` : "", NAMES[name]!, [
        ...[trueMs, boundMs].map((values) => values.join(" / ")),
        `${covered} %`,
      ], i === 0 ? shown : "")
    ).join("\n");
}

function cells(
  title: string,
  name: string,
  values: readonly string[],
  verdict: string,
): string {
  return `| ${[title, name, ...values, verdict].join(" | ")} |`;
}

const folder = await Deno.makeTempDir();
const library = await compile(`${folder}/socket_log.so`);
const rows: Row[] = [];
if (!options.json) console.log(HEAD);
for (const scenario of SCENARIOS) {
  for (const hogs of [0, 1]) {
    const title = titleOf(scenario, hogs);
    if (options.only && !title.includes(options.only)) continue;
    if (!options.json) console.error(`${title} …`);
    const row = { title, ...await measure(scenario, hogs) };
    if (!options.json) console.log(linesOf(row));
    rows.push(row);
  }
}
if (options.json) console.log(JSON.stringify(rows));
else {
  const right = rows.filter(({ verdict, expected }) =>
    verdict.status === expected
  );
  console.log(`\nVerdicts as expected: ${right.length} of ${rows.length}`);
}
await Deno.remove(folder, { recursive: true });
