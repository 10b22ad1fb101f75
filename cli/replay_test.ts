import assert from "node:assert/strict";
import { tempFolder } from "../datasets/testing.ts";
import {
  concurrent,
  echo,
  jsonlReporter,
  repeat,
  type Report,
  type Reporter,
  run,
} from "../mod.ts";
import { UsageError } from "../plugins/mod.ts";
import { replay } from "./replay.ts";

/** A real run of two stages and twelve requests, saved; its report. */
async function savedRun(path: string): Promise<Report> {
  return await run({
    backend: echo({ text: "one two" }),
    dataset: repeat({ text: "hello" }),
    load: concurrent([1, 2]),
    loadText: "concurrent=1,2",
    stop: { requests: 6 },
    reporters: [jsonlReporter({ path })],
  });
}

const QUIET = { reporters: [], warn: () => {} };

Deno.test("replay() makes the same report again, byte for byte", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  const report = await savedRun(path);
  assert.equal(
    JSON.stringify(await replay(path, QUIET)),
    JSON.stringify(report),
  );
});

Deno.test("replay() tells reporters of the run and of each sample, as while it ran", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  const { run } = await savedRun(path);
  const heard: string[] = [];
  const reporter: Reporter = {
    start: (info) => void heard.push(`start ${info.run.id === run.id}`),
    samples: (batch) =>
      heard.push(...batch.map(({ stage }) => `sample of ${stage}`)),
    report() {},
  };
  await replay(path, { ...QUIET, reporters: [reporter] });
  assert.deepEqual(heard, [
    "start true",
    ...Array(6).fill("sample of 0"),
    ...Array(6).fill("sample of 1"),
  ]);
});

Deno.test("replay() compares words anew under another normalizer, and says which", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  await savedRun(path);
  const text = await Deno.readTextFile(path);
  const marked = text.replaceAll(
    '"input":{}',
    '"input":{"reference":"One, two!"}',
  );
  await Deno.writeTextFile(path, marked);
  const rateWith = async (normalizer: "none" | "basic") => {
    const { run, stages } = await replay(path, { ...QUIET, normalizer });
    assert.equal(run.config.normalizer, normalizer);
    return stages[0]!.quality.wer;
  };
  assert.equal((await rateWith("basic"))?.value, 0);
  assert.equal((await rateWith("none"))?.value, 1);
});

Deno.test("replay() makes what it can of a run that was killed at any line, or within one", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  const whole = await savedRun(path);
  const text = await Deno.readTextFile(path);
  const lines = text.split("\n").slice(0, -1);
  for (let kept = 1; kept < lines.length; kept++) {
    const cut = folder.at("cut.jsonl");
    const part = lines.slice(0, kept).join("\n");
    for (const end of ["\n", `\n${lines[kept]!.slice(0, 40)}`]) {
      await Deno.writeTextFile(cut, part + end);
      const report = await replay(cut, QUIET);
      assert.equal(report.interrupted, true);
      assert.equal(report.run.id, whole.run.id);
      const samples = lines.slice(0, kept).filter((line) =>
        line.includes('"earshot.sample/1"')
      );
      const counted = report.stages.reduce(
        (sum, { counts }) => sum + counts.ok,
        0,
      );
      assert.equal(counted, samples.length);
    }
  }
});

Deno.test("replay() refuses what holds no run", async () => {
  await using folder = await tempFolder({ "empty.jsonl": "" });
  for (const name of ["empty.jsonl", "none.jsonl"]) {
    await assert.rejects(() => replay(folder.at(name), QUIET), UsageError);
  }
});
