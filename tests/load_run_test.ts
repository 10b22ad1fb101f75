// Loads from the command line to the report: each ends by its own rule, and the report says what was offered.

import assert from "node:assert/strict";
import {
  constant,
  gamma,
  poisson,
  ramp,
  type Report,
  type Sample,
  type StageReport,
  steps,
} from "../mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, samplesIn, tempFolder } from "./support/files.ts";
import { stagesOf as profileStages } from "./support/loads.ts";
import { openLoad } from "./support/offered_load.ts";

/** Result of a run. */
interface Ran {
  readonly code: number;
  readonly report: Report;
  /** Samples of each stage, in the order in which they were due. */
  readonly samples: readonly (readonly Sample[])[];
}

/** Runs loads against `echo`, or the backend of further flags. */
async function runLoad(
  loads: string | readonly string[],
  ...more: string[]
): Promise<Ran> {
  await using folder = await tempFolder();
  const { code, stderr } = await earshot([
    "run",
    ...(more.includes("--backend") ? [] : ["--backend", "echo,delayMs=5"]),
    ...["--data", "repeat=hello"],
    ...[loads].flat().flatMap((load) => ["--load", load]),
    ...["--report", "json=out.json", "--report", "jsonl=samples.jsonl"],
    ...["--quiet", ...more],
  ], { cwd: folder.path });
  assert.ok([0, 3, 4].includes(code), stderr);
  const report = await readReport(folder.path, "out.json");
  const samples = await samplesIn(folder.at("samples.jsonl"));
  samples.sort((a, b) => a.scheduledMs - b.scheduledMs);
  return {
    code,
    report,
    samples: report.stages.map((_: StageReport, i: number) =>
      samples.filter(({ stage }) => stage === i)
    ),
  };
}

/** Runs loads that end well. A machine that is busy may be too slow for a valid measurement. */
async function runWell(...args: Parameters<typeof runLoad>): Promise<Ran> {
  const ran = await runLoad(...args);
  const isLimited = ran.report.stages.some(({ verdict }) =>
    verdict.status === "client-limited"
  );
  assert.equal(ran.code, isLimited ? 4 : 0);
  return ran;
}

async function stagesOf(
  ...args: Parameters<typeof runLoad>
): Promise<readonly StageReport[]> {
  return (await runWell(...args)).report.stages;
}

/** Start times, from the first one. */
function offsetsOf(startsMs: readonly number[]): number[] {
  return startsMs.map((ms) => Math.round((ms - startsMs[0]!) * 1000) / 1000);
}

function dueTimes(samples: readonly Sample[]): number[] {
  return offsetsOf(samples.map(({ scheduledMs }) => scheduledMs));
}

const OPEN_LOOPS = {
  "constant=100,200": constant({ rates: [100, 200] }),
  "poisson=200,maxInFlight=50": poisson({ rates: [200], maxInFlight: 50 }),
  "gamma=200,burstiness=0.5": gamma({ rates: [200], burstiness: 0.5 }),
  "ramp=50,to=400,over=100ms": ramp({ from: 50, to: 400, overMs: 100 }),
  "steps=50,200,hold=50ms": steps({ levels: [50, 200], holdMs: 50 }),
};

for (const [flag, load] of Object.entries(OPEN_LOOPS)) {
  Deno.test(`run --load ${flag} sends requests when they are due`, async () => {
    const { report, samples } = await runWell(
      flag,
      ...["--requests", "10", "--seed", "3"],
    );
    const stages = profileStages(await openLoad(load), 3);
    assert.equal(report.stages.length, stages.length);
    for (const [i, { name, load, arrivals }] of stages.entries()) {
      const { counts, stopped, ...stage } = report.stages[i]!;
      assert.deepEqual([stage.name, stage.load], [name, load]);
      assert.deepEqual([counts.ok, stopped], [10, "requests"]);
      const starts = Iterator.from(arrivals as Iterable<number>).take(10);
      assert.deepEqual(dueTimes(samples[i]!), offsetsOf([...starts]));
      assert.ok(
        samples[i]!.every((each) => each.dispatchedMs >= each.scheduledMs),
        "no request is early",
      );
    }
  });
}

/** Largest number of requests that were in flight at the same time. */
function mostInFlight(samples: readonly Sample[]): number {
  return Math.max(
    ...samples.map(({ dispatchedMs: atMs }) =>
      samples.filter(({ dispatchedMs, endedMs }) =>
        dispatchedMs <= atMs && atMs < endedMs
      ).length
    ),
  );
}

const CLOSED_LOOPS = {
  sync: [{ kind: "sync", concurrency: 1 }],
  "concurrent=2,4,spread=0": [
    { kind: "concurrent", concurrency: 2, spreadMs: 0 },
    { kind: "concurrent", concurrency: 4, spreadMs: 0 },
  ],
  "throughput=8": [{ kind: "throughput", concurrency: 8 }],
};

for (const [flag, loads] of Object.entries(CLOSED_LOOPS)) {
  Deno.test(`run --load ${flag} never has more requests in flight`, async () => {
    const { report, samples } = await runWell(
      flag,
      ...["--requests", "20"],
    );
    assert.equal(report.stages.length, loads.length);
    for (const [i, load] of loads.entries()) {
      const { counts, stopped, load: offered } = report.stages[i]!;
      assert.partialDeepStrictEqual(offered, load);
      assert.deepEqual([counts.ok, stopped], [20, "requests"]);
      assert.ok(mostInFlight(samples[i]!) <= load.concurrency);
    }
  });
}

Deno.test("run --load steps ends with its last step", async () => {
  const [stage] = await stagesOf("steps=40,100,hold=150ms,process=constant");
  const { counts, stop, stopped } = stage!;
  assert.deepEqual([stop, stopped], [{ durationMs: 300 }, "duration"]);
  // Fewer if the first is late.
  const due = counts.ok + counts.dropped;
  assert.ok(due > 0 && due <= 6 + 15, `${due}`);
});

Deno.test("run --load sweep measures both ends, then the rates between", async () => {
  const [slowest, fastest, ...between] = await stagesOf(
    "sweep=2,maxInFlight=16,pastKnee=true",
    ...["--duration", "250ms"],
  );
  assert.deepEqual(
    [slowest, fastest].map((stage) => stage!.load.concurrency),
    [1, 16],
  );
  const rates = between.map(({ load }) => load.ratePerSecond as number);
  const [low, high] = [slowest, fastest].map((stage) =>
    stage!.rates.requestsPerSecond!
  ) as [number, number];
  assert.deepEqual(
    rates,
    [(low + high) / 2, high].map((rate) => Number(rate.toPrecision(3))),
  );
});

Deno.test("run --load search answers whether its only level is kept", async () => {
  const load = "search,from=200,levelTime=1s,settle=0,maxTime=2s";
  const more = ["--backend", "echo,delayMs=50", "--max-client-share", "100%"];
  const [kept, missed] = await Promise.all([
    runLoad(load, ...more, "--slo", "latency.p95<10s"),
    runLoad(load, ...more, "--slo", "latency.p50<1ms"),
  ]);
  const expected = [
    { ran: kept, outcome: "pass", answer: [0, "at-least", 200, undefined] },
    { ran: missed, outcome: "fail", answer: [3, "below", undefined, 200] },
  ];
  for (const { ran: { code, report }, outcome, answer } of expected) {
    const { status, low, high, levels } = report.capacities![0]!;
    assert.deepEqual([levels.length, report.stages.length], [1, 1]);
    assert.equal(levels[0]!.level, 200);
    // A busy machine may be too slow to decide anything.
    const isLimited = levels[0]!.outcome === "client-limited";
    if (!isLimited) assert.equal(levels[0]!.outcome, outcome);
    assert.deepEqual(
      [code, status, low, high],
      isLimited ? [4, "undecided", undefined, undefined] : answer,
    );
  }
});

Deno.test("run with two --load runs the stages of one after those of the other", async () => {
  const stages = await stagesOf(
    ["sync", "constant=100,200"],
    ...["--requests", "10"],
  );
  assert.deepEqual(stages.map(({ name, counts }) => [name, counts.ok]), [
    ["sync", 10],
    ["constant 100/s", 10],
    ["constant 200/s", 10],
  ]);
});

Deno.test("run --repeat runs all stages again, with other random numbers", async () => {
  const { report, samples } = await runWell(
    ["sync", "poisson=200"],
    ...["--repeat", "2", "--requests", "10"],
  );
  assert.equal(report.run.config.repeat, 2);
  assert.deepEqual(report.stages.map(({ name, repeat }) => [name, repeat]), [
    ["sync", 1],
    ["poisson 200/s", 1],
    ["sync", 2],
    ["poisson 200/s", 2],
  ]);
  assert.notDeepEqual(dueTimes(samples[1]!), dueTimes(samples[3]!));
});

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
