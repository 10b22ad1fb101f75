import assert from "node:assert/strict";
import { jsonlReporter } from "./jsonl.ts";
import { readSamples, type SavedLine } from "./samples_file.ts";
import { context, finish, open, scratch } from "../tests/support/reporters.ts";
import {
  oneStageReport,
  runInfo,
  speechReport,
} from "../tests/support/report.ts";
import { failedSample, goodSample } from "../tests/support/samples.ts";

async function linesOf(path: string): Promise<SavedLine[]> {
  return await Array.fromAsync(readSamples(path, { warn: assert.fail }));
}

Deno.test("jsonlReporter() saves a run so that it can be read again", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  const reporter = await open(jsonlReporter({ path }));
  reporter.start?.(runInfo);
  reporter.samples?.([goodSample]);
  reporter.samples?.([failedSample]);
  for (const stage of speechReport.stages) reporter.stage?.(stage);
  await finish(reporter, speechReport);
  const [first, second] = speechReport.stages.map(
    ({ name, load, window, stopped, client, counts }, index) => ({
      schema: "earshot.stage/1" as const,
      index,
      name,
      load,
      window,
      stopped,
      dropped: counts.dropped,
      client,
    }),
  );
  assert.deepEqual(await linesOf(path), [
    { schema: "earshot.samples/1", ...runInfo },
    { schema: "earshot.sample/1", ...goodSample },
    { schema: "earshot.sample/1", ...failedSample },
    first,
    second,
    {
      schema: "earshot.end/1",
      interrupted: false,
      skipped: speechReport.skipped,
    },
  ]);
});

Deno.test("jsonlReporter() writes a whole file for a run that never began", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  await finish(await open(jsonlReporter({ path })), oneStageReport);
  const schemas = (await linesOf(path)).map(({ schema }) => schema);
  assert.deepEqual(schemas, ["earshot.samples/1", "earshot.end/1"]);
});

Deno.test("jsonlReporter() leaves a file alone until the run begins", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  await Deno.writeTextFile(path, "old");
  const reporter = await open(jsonlReporter({ path }));
  await reporter[Symbol.asyncDispose]?.();
  assert.equal(await Deno.readTextFile(path), "old");
});

Deno.test("jsonlReporter() keeps what came before a run broke off", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  const reporter = await open(jsonlReporter({ path }));
  reporter.start?.(runInfo);
  reporter.samples?.([goodSample]);
  await reporter[Symbol.asyncDispose]?.();
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const lines = await Array.fromAsync(readSamples(path, { warn }));
  assert.equal(lines.length, 2);
  assert.deepEqual(warnings, [
    `'${path}' was cut short: its run did not come to its end`,
  ]);
});

Deno.test("jsonlReporter() tells a full disk at the end, and never before", async () => {
  const reporter = await open(jsonlReporter({ path: "/dev/full" }));
  reporter.start?.(runInfo);
  reporter.samples?.(Array.from({ length: 1000 }, () => goodSample));
  await assert.rejects(
    finish(reporter, oneStageReport),
    /Cannot write all lines to '\/dev\/full': 0 are in it \(No space left/,
  );
});

Deno.test("jsonlReporter() refuses a path that cannot be written, before the run", async () => {
  await assert.rejects(
    jsonlReporter({ path: "/dev/none/run.jsonl" }).open(context),
    { name: "UsageError", message: /no such folder/ },
  );
});

Deno.test("jsonlReporter() has a sample in its file soon, whatever ends the process", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  const script =
    new URL("../tests/support/killed_reporter.ts", import.meta.url).pathname;
  const { signal } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, path],
  }).output();
  assert.equal(signal, "SIGKILL");
  const lines = await Array.fromAsync(readSamples(path));
  assert.equal(lines.length, 501);
});
