import assert from "node:assert/strict";
import { resolve } from "node:path";
import { catalogue } from "../catalogue.ts";
import type { PluginConfigInput, RunConfigInput } from "../core/config.ts";
import { echo } from "../backends/echo.ts";
import { repeat } from "../datasets/repeat.ts";
import { replay } from "../loads/replay.ts";
import { prepareRun } from "./config.ts";
import { pluginLoader } from "./load.ts";
import { dataOfRun } from "./load_data.ts";
import { defineLoad } from "./plugin.ts";
import { run } from "./run.ts";

const TRACE: PluginConfigInput = { use: "trace", with: { path: "t.jsonl" } };

Deno.test("dataOfRun() returns the data of the load where none is given", () => {
  const own = replay({ path: "t.jsonl" });
  const other = [{ use: "clips" }];
  assert.deepEqual(dataOfRun([own], undefined), [TRACE]);
  assert.equal(dataOfRun([replay({})], undefined), undefined);
  assert.equal(dataOfRun([replay({})], other), other);
  const plain = defineLoad({ ...replay.definition, profile: () => null! });
  assert.equal(
    dataOfRun([plain({})], other),
    other,
  );
});

Deno.test("dataOfRun() accepts the load's own data with more options, and refuses other data", () => {
  const own = replay({ path: "t.jsonl" });
  for (const path of ["t.jsonl", "./t.jsonl", resolve("t.jsonl")]) {
    const given = [{ use: "trace", with: { path, limit: 3 } }];
    assert.equal(dataOfRun([own], given), given);
  }
  const joined = [{ use: "clips" }, TRACE];
  assert.equal(dataOfRun([own], joined), joined);
  const says =
    /^UsageError: replay brings data of its own, trace,path=t\.jsonl, but the run has other data: leave out one of them$/;
  for (
    const given of [
      { use: "clips" },
      { use: "trace", with: { path: "u.jsonl" } },
      { use: "jsonl", with: { path: "t.jsonl" } },
    ]
  ) assert.throws(() => dataOfRun([own], [given]), says);
});

/** Prepares a run against no server. */
async function prepared(config: Partial<RunConfigInput>) {
  const { config: { data } } = await prepareRun({
    version: 1,
    backend: { use: "echo" },
    ...config,
  }, { load: pluginLoader(catalogue), env: () => undefined });
  return data;
}

Deno.test("prepareRun() takes the data from the load, unless other data or a problem is given", async () => {
  const load = { use: "replay", with: { path: "t.jsonl" } };
  assert.deepEqual(await prepared({ load }), [TRACE]);
  assert.deepEqual(await prepared({ load: { use: "replay" } }), [
    { use: "clips", with: {} },
  ]);
  await assert.rejects(
    prepared({ load, data: [{ use: "clips" }] }),
    /load\.use: replay brings data of its own/,
  );
  await assert.rejects(
    prepared({ load: { use: "replay", with: { path: 5 } } }),
    /load\.with\.path must be text/,
  );
});

Deno.test("run() refuses other data than its load brings", async () => {
  await assert.rejects(
    run({
      catalogue,
      backend: echo({}),
      dataset: repeat({ text: "a" }),
      load: replay({ path: "t.jsonl" }),
    }),
    /replay brings data of its own/,
  );
});
