import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../plugins/mod.ts";
import { readSamples } from "./samples_file.ts";
import { scratch } from "../tests/support/reporters.ts";
import { oneStageReport, runInfo } from "../tests/support/report.ts";
import { goodSample } from "../tests/support/samples.ts";

const head = JSON.stringify({ schema: "earshot.samples/1", ...runInfo });
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

Deno.test("readSamples() keeps what a later version adds", async () => {
  const later = JSON.stringify({ ...JSON.parse(sample), worker: 3 });
  const { lines } = await read(`${head}\n${later}\n${end}\n`);
  assert.deepEqual(lines[1], JSON.parse(later));
});

Deno.test("readSamples() leaves out a last line that was cut anywhere, with a warning", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: sample.length - 1 }),
      async (length) => {
        const { lines, warnings } = await read(
          `${head}\n${sample}\n${sample.slice(0, length)}`,
        );
        assert.equal(lines.length, 2);
        assert.deepEqual(warnings, [
          "Left out 'x.jsonl' line 3: it was cut short",
          "'x.jsonl' was cut short: its run did not come to its end",
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

const aReport =
  /saved with --report jsonl=FILE: current value is '.*x\.jsonl', which is a report/;

const refused: [string, string, RegExp][] = [
  [
    "a line that is not JSON",
    `${head}\n{oops\n${end}\n`,
    /line 2 as it must be JSON: current value is "\{oops"/,
  ],
  [
    "an empty line",
    `${head}\n\n${end}\n`,
    /line 2 as it must be JSON: current value is ""/,
  ],
  [
    "a key of the wrong kind",
    `${head}\n${sample.replace('"id":0', '"id":"0"')}\n`,
    /line 2 as 'id' is not as saved/,
  ],
  [
    "a line of another kind",
    `${head}\n{"schema":"other/1"}\n`,
    /line 2 as 'schema' is not as saved/,
  ],
  [
    "a file that does not begin with its run",
    `${sample}\n`,
    /line 1 as 'earshot.samples\/1' must be the schema of the first line/,
  ],
  [
    "two files in one",
    `${head}\n${head}\n`,
    /line 2 as 'earshot.samples\/1' must be .* of no other/,
  ],
  ["a report", JSON.stringify(oneStageReport), aReport],
  ["a report on many lines", JSON.stringify(oneStageReport, null, 2), aReport],
  ["JSON on many lines", "{\n}\n", /line 1 as it must be JSON/],
  ["an empty file", "", /has none/],
];

for (const [what, text, message] of refused) {
  Deno.test(`readSamples() refuses ${what}, saying where`, async () => {
    await assert.rejects(read(text), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("readSamples() refuses a file that is not there", async () => {
  await assert.rejects(Array.fromAsync(readSamples("/none.jsonl")), {
    name: "UsageError",
    message: /samples must be a readable file, but was '\/none.jsonl'/,
  });
});

Deno.test("readSamples() lets go of the file when it is read in part", async () => {
  await using folder = await scratch();
  const path = folder.at("x.jsonl");
  await Deno.writeTextFile(path, `${head}\n${`${sample}\n`.repeat(1000)}`);
  for await (const { schema } of readSamples(path)) {
    if (schema === "earshot.sample/1") break;
  }
  await Deno.remove(path);
});
