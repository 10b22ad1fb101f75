// Loads from the command line to the report: each ends by its own rule, and the report says what was offered.

import assert from "node:assert/strict";
import type { StageReport } from "../mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";

/** Runs a load against `echo` and returns the stages of its report. */
async function stagesOf(
  load: string,
  ...more: string[]
): Promise<StageReport[]> {
  await using folder = await tempFolder();
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", "echo,delayMs=5", "--data", "repeat=hello"],
    ...["--load", load, "--report", "json=out.json", "--quiet", ...more],
  ], { cwd: folder.path });
  // A busy machine may be too slow for a valid measurement.
  assert.ok(code === 0 || code === 4, stderr);
  return (await readReport(folder.path, "out.json")).stages;
}

Deno.test("run --load burst sends every burst, stage by stage", async () => {
  const stages = await stagesOf("burst=5,20,every=100ms", "--requests", "40");
  assert.deepEqual(stages.map(({ name, counts }) => [name, counts.ok]), [
    ["burst of 5 every 100 ms", 40],
    ["burst of 20 every 100 ms", 40],
  ]);
});

Deno.test("run --load ramp ends with the ramp", async () => {
  const [stage, ...others] = await stagesOf(
    "ramp=1,to=8,over=400ms,of=concurrency",
    ...["--warmup", "100ms"],
  );
  assert.equal(others.length, 0);
  assert.deepEqual(stage!.load, {
    kind: "ramp",
    of: "concurrency",
    concurrency: 8,
    from: 1,
    to: 8,
    overMs: 400,
    shape: "linear",
  });
  assert.deepEqual(stage!.stop, { durationMs: 300 });
  assert.equal(stage!.stopped, "duration");
  assert.ok(stage!.counts.ok > 10);
});

Deno.test("run --load users lets users arrive and think", async () => {
  const [stage] = await stagesOf(
    "users=4,arrive=40,think=20ms",
    ...["--duration", "500ms"],
  );
  const { counts, name, load } = stage!;
  assert.equal(name, "4 users, 40 arrive a second");
  assert.deepEqual(load, {
    kind: "users",
    users: 4,
    concurrency: 4,
    arrivePerSecond: 40,
    thinkMs: 20,
  });
  // Without think time, 4 users would send up to 400 requests in this time.
  assert.ok(counts.ok >= 4 && counts.ok < 200, `${counts.ok}`);
});
