import assert from "node:assert/strict";
import fc from "fast-check";
import type { Sample } from "../plugins/mod.ts";
import { jsonlReporter, linePartsOf } from "./jsonl.ts";
import { plainJson } from "./safe_text.ts";
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
    { schema: "earshot.samples/2", ...runInfo },
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

Deno.test("jsonlReporter() writes a complete file for a run that never began", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  await finish(await open(jsonlReporter({ path })), oneStageReport);
  const schemas = (await linesOf(path)).map(({ schema }) => schema);
  assert.deepEqual(schemas, ["earshot.samples/2", "earshot.end/1"]);
});

Deno.test("jsonlReporter() writes a file only when the run begins", async () => {
  await using folder = await scratch();
  const path = folder.at("run.jsonl");
  await Deno.writeTextFile(path, "old");
  const reporter = await open(jsonlReporter({ path }));
  await reporter[Symbol.asyncDispose]?.();
  assert.equal(await Deno.readTextFile(path), "old");
});

Deno.test("jsonlReporter() keeps the samples of a run that broke off", async () => {
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
    `${path}: was cut off before the end of its run`,
  ]);
});

Deno.test("jsonlReporter() reports a full disk only at the end", async () => {
  const reporter = await open(jsonlReporter({ path: "/dev/full" }));
  reporter.start?.(runInfo);
  reporter.samples?.(Array.from({ length: 1000 }, () => goodSample));
  await assert.rejects(
    finish(reporter, oneStageReport),
    /\/dev\/full: cannot write all lines \(0 written\): No space left/,
  );
});

Deno.test("jsonlReporter() rejects an unwritable path before the run", async () => {
  await assert.rejects(
    jsonlReporter({ path: "/dev/none/run.jsonl" }).open(context),
    { name: "UsageError", message: /no such folder/ },
  );
});

Deno.test("jsonlReporter() writes a sample soon, so that a killed process keeps it", async () => {
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

function sampleWith(deltas: number, chunks: number): Sample {
  return {
    ...goodSample,
    deltas: Array.from({ length: deltas }, (_, i) => ({
      atMs: i === 7 ? NaN : i,
      kind: "text" as const,
      text: `[${i}],`,
    })),
    audioSent: Array.from({ length: chunks }, (_, i) => ({
      atMs: i,
      endMs: i,
    })),
  };
}

Deno.test("linePartsOf() returns the whole line of a sample of any length", () => {
  fc.assert(
    fc.property(
      fc.nat(3500),
      fc.nat(3500),
      (deltas, chunks) => {
        const sample = sampleWith(deltas, chunks);
        const pieces = [...linePartsOf(sample)];
        const text = pieces.map((piece) => piece.text()).join("");
        assert.match(text, /^[^\n]+\n$/);
        assert.deepEqual(
          JSON.parse(text),
          JSON.parse(plainJson({ schema: "earshot.sample/1", ...sample })),
        );
        const weight = pieces.reduce((sum, piece) => sum + piece.weight, 0);
        assert.equal(weight, 5 + deltas + chunks);
      },
    ),
    { numRuns: 30, examples: [[0, 0], [1000, 0], [1001, 0], [0, 2000]] },
  );
});

Deno.test("linePartsOf() returns no part that would block a run", () => {
  const pieces = [...linePartsOf(sampleWith(100_000, 100_000))];
  for (const piece of pieces) {
    assert.ok(piece.weight <= 1000 && piece.text().length < 100_000);
  }
});

Deno.test("linePartsOf() returns one part for a usual sample, with its keys in order", () => {
  const [piece, ...others] = [...linePartsOf(goodSample)];
  assert.deepEqual(others, []);
  assert.equal(
    piece?.text(),
    `${JSON.stringify({ schema: "earshot.sample/1", ...goodSample })}\n`,
  );
});
