import assert from "node:assert/strict";
import { messageOf, type Report } from "../plugins/mod.ts";
import { jsonReporter } from "./json.ts";
import {
  finish,
  open,
  reportInto,
  scratch,
} from "../tests/support/reporters.ts";
import {
  goodStage,
  oneStageReport,
  speechReport,
} from "../tests/support/report.ts";

async function names(folder: string): Promise<string[]> {
  const found = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found;
}

Deno.test("jsonReporter() writes the unchanged report", async () => {
  await using folder = await scratch();
  const path = folder.at("run.json");
  await finish(await open(jsonReporter({ path })), speechReport);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), speechReport);
  assert.deepEqual(await names(folder.at("")), ["run.json"]);
});

Deno.test("jsonReporter() writes the schema first and indents as requested", async () => {
  await using folder = await scratch();
  const path = folder.at("run.json");
  const { schema, ...rest } = oneStageReport;
  await finish(await open(jsonReporter({ path })), { ...rest, schema });
  assert.match(await Deno.readTextFile(path), /^\{\n {2}"schema": "earshot/);
  await finish(await open(jsonReporter({ path, pretty: false })), speechReport);
  assert.match(await Deno.readTextFile(path), /^\{"schema":"earshot.*\}\n$/);
});

Deno.test("jsonReporter() leaves out unknown values and writes no null", async () => {
  await using folder = await scratch();
  const path = folder.at("run.json");
  const report: Report = {
    ...oneStageReport,
    stages: [{
      ...goodStage,
      load: { kind: "x", maxInFlight: Infinity, steps: [1, NaN] },
      rates: { errorRate: NaN, requestsPerSecond: 2 },
    }],
  };
  await finish(await open(jsonReporter({ path })), report);
  const text = await Deno.readTextFile(path);
  assert.doesNotMatch(text, /null/);
  const [stage] = JSON.parse(text).stages;
  assert.deepEqual(stage.rates, { requestsPerSecond: 2 });
  assert.deepEqual(stage.load, { kind: "x", steps: [1, "NaN"] });
});

Deno.test("jsonReporter() writes a file only when the run has ended", async () => {
  await using folder = await scratch();
  await Deno.writeTextFile(folder.at("old.json"), "old");
  await open(jsonReporter({ path: folder.at("old.json") }));
  await open(jsonReporter({ path: folder.at("new.json") }));
  assert.equal(await Deno.readTextFile(folder.at("old.json")), "old");
  assert.deepEqual(await names(folder.at("")), ["old.json"]);
});

Deno.test("jsonReporter() keeps the mode of a file and a link to it", async () => {
  await using folder = await scratch();
  const target = folder.at("target.json");
  await Deno.writeTextFile(target, "old");
  await Deno.chmod(target, 0o640);
  await Deno.symlink(target, folder.at("link.json"));
  const path = folder.at("link.json");
  await finish(await open(jsonReporter({ path })), oneStageReport);
  assert.ok((await Deno.lstat(path)).isSymlink);
  assert.equal((await Deno.stat(target)).mode! & 0o777, 0o640);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(target)), oneStageReport);
});

Deno.test("jsonReporter() writes to a device in place", async () => {
  await finish(await open(jsonReporter({ path: "/dev/null" })), oneStageReport);
  assert.ok((await Deno.stat("/dev/null")).isCharDevice);
});

Deno.test("jsonReporter() reports that the report cannot be written", async () => {
  const reporter = await open(jsonReporter({ path: "/dev/full" }));
  await assert.rejects(
    async () => await reporter.report(oneStageReport),
    (error: Error) => {
      assert.match(error.message, /^cannot write '\/dev\/full'/);
      assert.match(String(error.cause), /No space left/);
      return true;
    },
  );
});

const refused: [string, string, RegExp][] = [
  ["in no folder", "none/run.json", /\(no such folder\)$/],
  ["that is a folder", ".", /it is a folder/],
  ["under a file", "file/run.json", /\(not a directory\)$/],
];

for (const [what, name, why] of refused) {
  Deno.test(`jsonReporter() rejects a path ${what} before the run`, async () => {
    await using folder = await scratch();
    await Deno.writeTextFile(folder.at("file"), "");
    const path = folder.at(name);
    await assert.rejects(open(jsonReporter({ path })), (error: Error) => {
      assert.equal(error.name, "UsageError");
      assert.ok(error.message.includes(`but was '${path}'`));
      assert.match(error.message, why);
      assert.equal(messageOf(error), error.message);
      return true;
    });
  });
}

Deno.test("jsonReporter() writes to standard output for the path -", async () => {
  const { code, printed, errors } = await reportInto("json", "cat");
  assert.equal(code, 0, errors);
  assert.equal(JSON.parse(printed).stages.length, 200);
});
