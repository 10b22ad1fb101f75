import assert from "node:assert/strict";
import {
  type Configured,
  isUsageError,
  type Stage,
  type StopRules,
} from "../plugins/mod.ts";
import { testLoad } from "../plugins/testing/mod.ts";
import { stagesOf as stages } from "../tests/support/loads.ts";
import { openLoad } from "../tests/support/offered_load.ts";
import { burst } from "./burst.ts";
import { concurrent, sync, throughput } from "./concurrent.ts";
import { constant, gamma, poisson } from "./open_loop.ts";
import { ramp } from "./ramp.ts";
import { steps } from "./steps.ts";
import { users } from "./users.ts";
import { replay } from "./replay.ts";

testLoad(concurrent({ streams: [1, 8] }), {
  invalid: [concurrent({ streams: [] }), concurrent({ streams: [0] })],
});
testLoad(constant({ rates: [2, 10], maxInFlight: 3 }), {
  invalid: [constant({ rates: [] }), constant({ rates: [1], maxInFlight: 0 })],
});
testLoad(poisson({ rates: [100, 100] }), {
  invalid: [poisson({ rates: [-1] })],
});
testLoad(sync({}));
testLoad(throughput({ maxInFlight: 8 }), {
  invalid: [throughput({ maxInFlight: 0 })],
});
testLoad(gamma({ rates: [100], burstiness: 0.3 }), {
  invalid: [gamma({ rates: [1], burstiness: 0 })],
});
testLoad(burst({}), {
  invalid: [burst({ sizes: [] }), burst({ everyMs: 0 })],
});
testLoad(ramp({ from: 10, to: 200 }), {
  invalid: [ramp({ from: -1, to: 2 }), ramp({ from: 1, to: 0 })],
});
testLoad(ramp({ from: 5, to: 1, shape: "exponential", process: "constant" }));
testLoad(ramp({ from: 40, to: 3, of: "concurrency" }));
testLoad(ramp({ from: 0, to: 30, of: "concurrency" }));
testLoad(steps({ levels: [10, 20, 40] }), {
  invalid: [steps({ levels: [0] })],
});
testLoad(steps({ levels: [10, 40, 5, 20], of: "concurrency" }));
testLoad(users({}), { invalid: [users({ users: 0.5 })] });
testLoad(replay({ speed: 2, maxInFlight: 3 }), {
  invalid: [
    replay({ speed: 0 }),
    replay({ speed: -1 }),
    replay({ speed: Infinity }),
    replay({ path: "" }),
    replay({ maxInFlight: 0 }),
  ],
});

async function stagesOf(
  load: Configured<"load">,
  seed = 1,
  stop: StopRules = {},
): Promise<Stage[]> {
  return stages(await openLoad(load), seed, { stop });
}

function first(count: number, { arrivals }: Stage): number[] {
  assert.ok(Symbol.iterator in arrivals, "not open loop");
  return Iterator.from(arrivals).take(count).toArray();
}

async function rejects(load: Configured<"load">, says: RegExp): Promise<void> {
  await assert.rejects(stagesOf(load), (error) => {
    assert.ok(isUsageError(error), String(error));
    assert.match(error.message, says);
    return true;
  });
}

Deno.test("concurrent() has a stage for each number of streams", async () => {
  assert.deepEqual(await stagesOf(concurrent({ streams: [1, 8] })), [
    {
      name: "1 stream",
      load: { kind: "concurrent", concurrency: 1 },
      arrivals: { concurrency: 1 },
    },
    {
      name: "8 streams",
      load: { kind: "concurrent", concurrency: 8 },
      arrivals: { concurrency: 8 },
    },
  ]);
  const [stage] = await stagesOf(concurrent({ streams: [2], spreadMs: 0 }));
  assert.deepEqual(stage!.load, {
    kind: "concurrent",
    concurrency: 2,
    spreadMs: 0,
  });
  assert.deepEqual(stage!.arrivals, { concurrency: 2, spreadMs: 0 });
});

Deno.test("concurrent() rejects an invalid number of streams", async () => {
  for (const streams of [0, -1, 1.5, NaN, Infinity, 100_001]) {
    await rejects(concurrent({ streams: [1, streams] }), /streams\.1/);
  }
  await rejects(concurrent({ streams: [] }), /must name at least one/);
});

Deno.test("constant() has a stage with even gaps for each rate", async () => {
  const [slow, fast, ...rest] = await stagesOf(constant({ rates: [2, 10] }));
  assert.equal(rest.length, 0);
  assert.equal(slow!.name, "constant 2/s");
  assert.deepEqual(slow!.load, { kind: "constant", ratePerSecond: 2 });
  assert.equal(slow!.maxInFlight, undefined);
  assert.deepEqual(first(3, slow!), [0, 500, 1000]);
  assert.deepEqual(first(3, fast!), [0, 100, 200]);
});

Deno.test("constant() reports its limit of requests in flight", async () => {
  const [stage] = await stagesOf(constant({ rates: [5], maxInFlight: 3 }));
  assert.equal(stage!.maxInFlight, 3);
  assert.deepEqual(stage!.load, {
    kind: "constant",
    ratePerSecond: 5,
    maxInFlight: 3,
  });
});

Deno.test("poisson() draws from its own random numbers in each stage", async () => {
  const load = poisson({ rates: [100, 100] });
  const [a, b] = await stagesOf(load);
  const [again] = await stagesOf(load);
  const [other] = await stagesOf(load, 2);
  const starts = first(50, a!);
  assert.deepEqual(first(50, again!), starts);
  assert.notDeepEqual(first(50, b!), starts);
  assert.notDeepEqual(first(50, other!), starts);
});

Deno.test("constant() and poisson() reject invalid rates and limits", async () => {
  for (const rate of [0, -1, NaN, Infinity]) {
    await rejects(poisson({ rates: [1, rate] }), /rates\.1/);
  }
  for (const maxInFlight of [0, -1, 1.5, NaN, -Infinity]) {
    await rejects(constant({ rates: [1], maxInFlight }), /maxInFlight/);
  }
  await rejects(constant({ rates: [] }), /must name at least one/);
});

/** The stages of a load, without their arrivals. */
async function described(load: Configured<"load">, stop: StopRules = {}) {
  const stages = await stagesOf(load, 1, stop);
  return stages.map(({ arrivals: _, ...stage }) => stage);
}

Deno.test("sync() has one stage with one session in flight", async () => {
  assert.deepEqual(await stagesOf(sync({})), [{
    name: "sync",
    load: { kind: "sync", concurrency: 1 },
    arrivals: { concurrency: 1 },
  }]);
});

Deno.test("throughput() has 256 sessions in flight unless it is given another number", async () => {
  assert.deepEqual(await stagesOf(throughput({})), [{
    name: "throughput, 256 in flight",
    load: { kind: "throughput", concurrency: 256 },
    arrivals: { concurrency: 256 },
  }]);
  const [stage] = await stagesOf(throughput({ maxInFlight: 9 }));
  assert.deepEqual(stage!.arrivals, { concurrency: 9 });
});

Deno.test("gamma() has a stage for each rate, and is a Poisson process unless it is given a burstiness", async () => {
  assert.deepEqual(
    await described(gamma({ rates: [5, 9], maxInFlight: 4 })),
    [5, 9].map((ratePerSecond) => ({
      name: `gamma ${ratePerSecond}/s, burstiness 1`,
      load: { kind: "gamma", ratePerSecond, maxInFlight: 4, burstiness: 1 },
      maxInFlight: 4,
    })),
  );
});

Deno.test("burst() starts 50 sessions every 10 s unless it is given other numbers", async () => {
  assert.deepEqual(await described(burst({})), [{
    name: "burst of 50 every 10 s",
    load: { kind: "burst", size: 50, everyMs: 10_000 },
    readyAhead: 50,
  }]);
  const load = burst({ sizes: [2, 3], everyMs: 250, maxInFlight: 2 });
  const [two, three] = await stagesOf(load);
  assert.equal(two!.name, "burst of 2 every 250 ms");
  assert.equal(two!.maxInFlight, 2);
  assert.deepEqual(first(5, two!), [0, 0, 250, 250, 500]);
  assert.deepEqual(first(5, three!), [0, 0, 0, 250, 250]);
});

Deno.test("ramp() ends with the ramp, unless the run has a duration or a number of requests", async () => {
  const load = ramp({ from: 10, to: 200, maxInFlight: 9 });
  const facts = { from: 10, to: 200, overMs: 60_000, shape: "linear" };
  const stage = {
    name: "ramp from 10 to 200/s over 60 s",
    load: {
      kind: "ramp",
      of: "rate",
      process: "poisson",
      ...facts,
      maxInFlight: 9,
    },
    maxInFlight: 9,
  };
  assert.deepEqual(await described(load), [
    { ...stage, stop: { durationMs: 60_000 } },
  ]);
  assert.deepEqual(await described(load, { warmupMs: 5000, drainMs: 0 }), [
    { ...stage, stop: { durationMs: 55_000 } },
  ]);
  assert.deepEqual(await described(load, { durationMs: 1 }), [stage]);
  assert.deepEqual(await described(load, { requests: 1 }), [stage]);
  assert.deepEqual(
    await described(
      ramp({
        from: 8,
        to: 2,
        of: "concurrency",
        overMs: 500,
        shape: "exponential",
      }),
    ),
    [{
      name: "exponential ramp from 8 to 2 streams over 500 ms",
      load: {
        kind: "ramp",
        of: "concurrency",
        from: 8,
        to: 2,
        overMs: 500,
        shape: "exponential",
      },
      stop: { durationMs: 500 },
    }],
  );
});

Deno.test("ramp() and steps() refuse a warm-up that leaves nothing to measure", async () => {
  const stop = { warmupMs: 60_000 };
  await assert.rejects(stagesOf(ramp({ from: 1, to: 2 }), 1, stop), {
    name: "UsageError",
    message:
      "ramp: its 60 s must be longer than the warm-up, but that was 60 s",
  });
  await assert.rejects(stagesOf(steps({ levels: [1] }), 1, stop), {
    message:
      "steps: its 30 s must be longer than the warm-up, but that was 60 s",
  });
});

Deno.test("steps() is one stage that ends with its last step", async () => {
  assert.deepEqual(
    await described(steps({ levels: [10, 20], process: "constant" })),
    [{
      name: "steps 10, 20/s, 30 s each",
      load: {
        kind: "steps",
        of: "rate",
        process: "constant",
        levels: [10, 20],
        holdMs: 30_000,
      },
      stop: { durationMs: 60_000 },
    }],
  );
  const load = steps({ levels: [4, 2], of: "concurrency", holdMs: 2000 });
  const [stage] = await stagesOf(load);
  assert.equal(stage!.name, "steps 4, 2 streams, 2 s each");
  assert.deepEqual(stage!.arrivals, {
    concurrency: 4,
    slots: [
      { fromMs: 0 },
      { fromMs: 25 },
      { fromMs: 50, untilMs: 2000 },
      { fromMs: 75, untilMs: 2000 },
    ],
  });
});

Deno.test("users() has 10 users who think for 7 s unless it is given other numbers", async () => {
  assert.deepEqual(await described(users({})), [{
    name: "10 users, 1 arrive a second",
    load: { kind: "users", users: 10, arrivePerSecond: 1, thinkMs: 7000 },
  }]);
});

Deno.test("loads name the option that is wrong, its bound and an example", async () => {
  // As from a file of JSON.
  const open = (plugin: (options: never) => Configured<"load">, options = {}) =>
    plugin(options as never);
  const cases: [Configured<"load">, RegExp][] = [
    [open(concurrent), /^concurrent: streams must be given, such as 1,8,32$/],
    [open(constant), /^constant: rates must be given, such as 10,20$/],
    [
      open(ramp),
      /ramp:\n {2}from must be given, such as 10\n {2}to must be given, such as 200$/,
    ],
    [open(steps), /^steps: levels must be given, such as 10,20,40$/],
    [
      throughput({ maxInFlight: 100_001 }),
      /maxInFlight must be at most 100000/,
    ],
    [poisson({ rates: [1e7] }), /rates\.0 must be at most 1000000/],
    [
      gamma({ rates: [1], burstiness: 0.001 }),
      /burstiness must be at least 0.01/,
    ],
    [burst({ sizes: [10_001] }), /sizes\.0 must be at most 10000/],
    [burst({ everyMs: 1e9 }), /everyMs must be at most 86400000/],
    [
      ramp({ from: 0, to: 1, shape: "exponential" }),
      /^ramp: from must be above 0 in an exponential ramp, but was 0$/,
    ],
    [
      ramp({
        from: 0.5,
        to: 200_000,
        of: "concurrency",
        process: "constant",
        maxInFlight: 4,
      }),
      new RegExp(
        [
          "^ramp:",
          "  from must be a whole number where of is concurrency, but was 0.5",
          "  to must be at most 100000 where of is concurrency, but was 200000",
          '  process must be left out where of is concurrency, but was "constant"',
          "  maxInFlight must be left out where of is concurrency, but was 4$",
        ].join("\n"),
      ),
    ],
    [
      steps({ levels: [1, 2.5], of: "concurrency" }),
      /^steps: levels\.1 must be a whole number where of is concurrency, but was 2.5$/,
    ],
    [
      steps({ levels: [60_000, 1, 60_000], of: "concurrency" }),
      /^steps: levels must start at most 100000 streams in all$/,
    ],
    [users({ arrive: 0 }), /^users: arrive must be above 0, but was 0$/],
  ];
  for (const [load, says] of cases) await rejects(load, says);
});

Deno.test("replay() takes its arrivals from the data", async () => {
  assert.deepEqual(await stagesOf(replay({})), [{
    name: "replay",
    load: { kind: "replay", speed: 1 },
    arrivals: { speed: 1 },
  }]);
  assert.deepEqual(await stagesOf(replay({ speed: 2.5, maxInFlight: 3 })), [{
    name: "replay at 2.5×",
    load: { kind: "replay", speed: 2.5, maxInFlight: 3 },
    arrivals: { speed: 2.5 },
    maxInFlight: 3,
  }]);
});
