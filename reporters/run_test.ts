import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/2020";
import { echo } from "../backends/echo.ts";
import { constant } from "../loads/open_loop.ts";
import { repeat } from "../datasets/repeat.ts";
import { run } from "../plugins/run.ts";
import { csvReporter } from "./csv.ts";
import { jsonReporter } from "./json.ts";
import { jsonlReporter } from "./jsonl.ts";
import { readSamples } from "./samples_file.ts";
import { publishedSchemas } from "./schema.ts";
import { scratch } from "../tests/support/reporters.ts";

function refusals(file: string, value: unknown): string {
  const ajv = new Ajv2020({ allErrors: true });
  const validate = ajv.compile(publishedSchemas(true)[file]!);
  validate(value);
  return ajv.errorsText(validate.errors);
}

Deno.test("Every reporter writes a run of the engine as its schema describes, in parallel", async () => {
  await using folder = await scratch();
  const [json, samples, stages, requests] = [
    "r.json",
    "r.jsonl",
    "s.csv",
    "r.csv",
  ]
    .map(folder.at) as [string, string, string, string];
  const report = await run({
    backend: echo({ delayMs: 1 }),
    dataset: repeat({ text: "hello" }),
    load: constant({ rates: [500, 1000] }),
    stop: { requests: 20, warmupMs: 10 },
    reporters: [
      jsonReporter({ path: json }),
      jsonlReporter({ path: samples }),
      csvReporter({ path: stages }),
      csvReporter({ path: requests, rows: "requests" }),
    ],
  });

  const written = JSON.parse(await Deno.readTextFile(json));
  assert.deepEqual(written, JSON.parse(JSON.stringify(report)));
  assert.equal(refusals("report.schema.json", written), "No errors");

  const lines = await Array.fromAsync(
    readSamples(samples, { warn: assert.fail }),
  );
  for (const line of lines) {
    assert.equal(refusals("sample.schema.json", line), "No errors");
  }
  const { length: ended } = lines.filter(({ schema }) =>
    schema === "earshot.sample/1"
  );
  const counted = report.stages.map(({ counts }) => counts.ok + counts.warmup);
  assert.equal(ended, counted.reduce((sum, n) => sum + n, 0));
  assert.equal(lines.length, ended + 4);

  const rows = async (path: string) =>
    (await Deno.readTextFile(path)).trimEnd().split("\r\n").length - 1;
  assert.equal(await rows(stages), 2);
  assert.equal(await rows(requests), ended);
});
