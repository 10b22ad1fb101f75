import assert from "node:assert/strict";
import { earshot } from "./support/earshot.ts";
import { readReport, samplesIn, tempFolder } from "./support/files.ts";

/** Times of the trace, in milliseconds, not in order. */
const TIMES = [1000, 1040, 1040, 1300, 1200, 1390];

const TRACE = TIMES.map((timestamp, i) =>
  JSON.stringify({
    timestamp,
    input_length: 600 + i,
    output_length: 3 + i,
    hash_ids: [0, i + 1],
  })
).join("\n");

Deno.test("run replays a trace: offered times are those of the file, divided by the speed", async () => {
  await using folder = await tempFolder({ "t.jsonl": TRACE });
  const ran = await earshot([
    ...["run", "--backend", "echo", "--load", "replay=t.jsonl,speed=2"],
    ...["--report", "json=out.json", "--report", "jsonl=samples.jsonl"],
    ...["--report", "console"],
  ], { cwd: folder.path });
  assert.equal(ran.stderr, "");
  assert.match(ran.stdout, /replay at 2×/);
  assert.match(ran.stdout, /schedule lag /);

  const samples = await samplesIn(folder.at("samples.jsonl"));
  samples.sort((a, b) => a.id - b.id);
  const startMs = samples[0]!.scheduledMs;
  assert.deepEqual(
    samples.map(({ session, scheduledMs }) => [
      session.id,
      Math.round((scheduledMs - startMs) * 1e6) / 1e6,
    ]),
    [
      ["t.jsonl:1", 0],
      ["t.jsonl:2", 20],
      ["t.jsonl:3", 20],
      ["t.jsonl:5", 100],
      ["t.jsonl:4", 150],
      ["t.jsonl:6", 195],
    ],
  );
  for (const { scheduledMs, dispatchedMs } of samples) {
    assert.ok(dispatchedMs >= scheduledMs, "no request is early");
  }

  const { run, stages: [stage] } = await readReport(folder.path, "out.json");
  assert.deepEqual(stage.load, {
    kind: "replay",
    speed: 2,
    sessions: 6,
    recordedMs: 390,
  });
  assert.equal(stage.client.scheduleLag.n, 6);
  assert.equal(run.config.data[0].use, "trace");
  assert.equal(run.facts.data.format, "mooncake");
  assert.equal(run.facts.data.recordedMs, 390);

  // The report names the trace twice, by the load and by the data: they agree.
  const again = await earshot([
    ...["run", "--config", "out.json", "--requests", "9"],
    ...["--report", "jsonl=again.jsonl", "--quiet"],
  ], { cwd: folder.path });
  assert.equal(again.stderr, "");
  const looped = await samplesIn(folder.at("again.jsonl"));
  looped.sort((a, b) => a.id - b.id);
  assert.deepEqual(
    looped.slice(6).map(({ scheduledMs }) =>
      Math.round(scheduledMs - looped[0]!.scheduledMs)
    ),
    [234, 254, 254],
    "another pass begins after 195 + 39 ms",
  );
});

Deno.test("run explains a replay without times, and one with other data", async () => {
  await using folder = await tempFolder({ "t.jsonl": TRACE });
  const options = { cwd: folder.path };
  const base = ["run", "--backend", "echo", "--data", "repeat=hi"];
  const untimed = await earshot(
    [...base, "--requests", "3", "--load", "replay"],
    options,
  );
  assert.equal(untimed.code, 2);
  assert.match(
    untimed.stderr,
    /"0" has none: give a trace, such as --load replay=/,
  );
  const other = await earshot([...base, "--load", "replay=t.jsonl"], options);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /--load: replay brings data of its own, trace/);
});
