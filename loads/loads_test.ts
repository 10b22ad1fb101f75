import assert from "node:assert/strict";
import { isUsageError, type Stage } from "../plugins/mod.ts";
import type { Configured } from "../plugins/mod.ts";
import { testLoad } from "../plugins/testing/mod.ts";
import { stagesOf as stages } from "../tests/support/loads.ts";
import { concurrent } from "./concurrent.ts";
import { constant, poisson } from "./open_loop.ts";

testLoad(concurrent({ streams: [1, 8] }), {
  invalid: [concurrent({ streams: [] }), concurrent({ streams: [0] })],
});
testLoad(constant({ rates: [2, 10], maxInFlight: 3 }), {
  invalid: [constant({ rates: [] }), constant({ rates: [1], maxInFlight: 0 })],
});
testLoad(poisson({ rates: [100, 100] }), {
  invalid: [poisson({ rates: [-1] })],
});

async function stagesOf(load: Configured<"load">, seed = 1): Promise<Stage[]> {
  const context = {
    env: () => undefined,
    signal: new AbortController().signal,
    warn() {},
  };
  return stages(await load.open(context), seed);
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
