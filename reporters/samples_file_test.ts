import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../plugins/mod.ts";
import { readSamples, upgradeRun } from "./samples_file.ts";
import { scratch } from "../tests/support/reporters.ts";
import { oneStageReport, runInfo } from "../tests/support/report.ts";
import { goodSample } from "../tests/support/samples.ts";

const head = JSON.stringify({ schema: "earshot.samples/2", ...runInfo });
const sample = JSON.stringify({ schema: "earshot.sample/1", ...goodSample });
const end = JSON.stringify({
  schema: "earshot.end/1",
  interrupted: false,
  skipped: { count: 0, items: [] },
});

async function read(text: string) {
  await using folder = await scratch();
  const path = folder.at("x.jsonl");
  await Deno.writeTextFile(path, text);
  const warnings: string[] = [];
  const warn = (message: string) =>
    void warnings.push(message.replace(path, "x.jsonl"));
  const lines = await Array.fromAsync(readSamples(path, { warn }));
  return { lines, warnings };
}

Deno.test("readSamples() reads every line, the last with or without its end", async () => {
  for (
    const text of [`${head}\n${sample}\n${end}\n`, `${head}\n${sample}\n${end}`]
  ) {
    const { lines, warnings } = await read(text);
    assert.deepEqual(
      lines,
      [head, sample, end].map((line) => JSON.parse(line)),
    );
    assert.deepEqual(warnings, []);
  }
});

Deno.test("readSamples() keeps keys of a later version", async () => {
  const later = JSON.stringify({ ...JSON.parse(sample), worker: 3 });
  const { lines } = await read(`${head}\n${later}\n${end}\n`);
  assert.deepEqual(lines[1], JSON.parse(later));
});

Deno.test("readSamples() skips a last line that was cut off, with a warning", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: sample.length - 1 }),
      async (length) => {
        const { lines, warnings } = await read(
          `${head}\n${sample}\n${sample.slice(0, length)}`,
        );
        assert.equal(lines.length, 2);
        assert.deepEqual(warnings, [
          "x.jsonl: line 3: skipped, as it was cut off",
          "x.jsonl: was cut off before the end of its run",
        ]);
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("readSamples() reads lines longer than a read", async () => {
  const text = "é".repeat(300_000);
  const long = JSON.stringify({
    ...JSON.parse(sample),
    output: { text },
  });
  const { lines } = await read(`${head}\n${long}\n${end}\n`);
  assert.deepEqual(lines[1], JSON.parse(long));
});

const aReport = /x\.jsonl: is a report, .* saved with --report jsonl=FILE/;

const refused: [string, string, RegExp][] = [
  [
    "a line that is not JSON",
    `${head}\n{oops\n${end}\n`,
    /line 2: must be JSON, but was "\{oops"/,
  ],
  [
    "an empty line",
    `${head}\n\n${end}\n`,
    /line 2: must be JSON, but was ""/,
  ],
  [
    "a key of the wrong kind",
    `${head}\n${sample.replace('"id":0', '"id":"0"')}\n`,
    /line 2: 'id' is invalid/,
  ],
  [
    "a line of another kind",
    `${head}\n{"schema":"other/1"}\n`,
    /line 2: 'schema' is invalid/,
  ],
  [
    "a file that does not begin with its run",
    `${sample}\n`,
    /line 1: schema must be 'earshot.samples\/2' in the first line/,
  ],
  [
    "two files in one",
    `${head}\n${head}\n`,
    /line 2: schema must be 'earshot.samples\/2' in the first line only/,
  ],
  ["a report", JSON.stringify(oneStageReport), aReport],
  ["a report on many lines", JSON.stringify(oneStageReport, null, 2), aReport],
  ["JSON on many lines", "{\n}\n", /line 1: must be JSON/],
  ["an empty file", "", /has no samples/],
];

for (const [what, text, message] of refused) {
  Deno.test(`readSamples() rejects ${what} and names the place`, async () => {
    await assert.rejects(read(text), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("readSamples() rejects a missing file", async () => {
  await assert.rejects(Array.fromAsync(readSamples("/none.jsonl")), {
    name: "UsageError",
    message: /^cannot read \/none.jsonl: /,
  });
});

Deno.test("readSamples() closes a file that is read in part", async () => {
  await using folder = await scratch();
  const path = folder.at("x.jsonl");
  await Deno.writeTextFile(path, `${head}\n${`${sample}\n`.repeat(1000)}`);
  for await (const { schema } of readSamples(path)) {
    if (schema === "earshot.sample/1") break;
  }
  await Deno.remove(path);
});

Deno.test("upgradeRun() converts the run of a version 1 file to a configuration", () => {
  const { config, facts } = upgradeRun({
    id: "a",
    startedAt: "2026-01-01T00:00:00Z",
    epochMs: 1,
    seed: 7,
    loadingMs: 2,
    config: {
      backend: {
        name: "echo",
        options: { delayMs: 3 },
        facts: { model: "m" },
      },
      dataset: {
        name: "zip",
        options: [{ name: "repeat", options: { text: "hi" } }],
        facts: { items: 1 },
      },
      load: "poisson=0.5,2,maxInFlight=9",
      stop: { requests: 3 },
      normalizer: "none",
      slo: ["errorRate<=5%"],
    },
  });
  assert.deepEqual(config, {
    version: 1,
    backend: { use: "echo", with: { delayMs: 3 } },
    data: [{ use: "repeat", with: { text: "hi" } }],
    load: { use: "poisson", with: { rates: [0.5, 2], maxInFlight: 9 } },
    stop: { requests: 3 },
    slos: ["errorRate<=5%"],
    seed: 7,
    normalizer: "none",
    strict: false,
    reports: [],
  });
  assert.deepEqual(facts, { backend: { model: "m" }, data: { items: 1 } });
});

Deno.test("readSamples() reads a version 1 file as version 2", async () => {
  const run = {
    ...runInfo.run,
    seed: 7,
    config: {
      backend: { name: "echo", options: { delayMs: 3 } },
      dataset: { name: "repeat", options: { text: "hi" } },
      load: "concurrent=8",
      stop: {},
      normalizer: "basic",
    },
  };
  const old = { ...runInfo, schema: "earshot.samples/1", run };
  const { lines: [first] } = await read(`${JSON.stringify(old)}\n${end}\n`);
  assert.ok(first?.schema === "earshot.samples/2");
  assert.equal(first.run.config.seed, 7);
  assert.deepEqual(first.run.config.load, {
    use: "concurrent",
    with: { streams: [8] },
  });
});
