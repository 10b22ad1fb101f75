import assert from "node:assert/strict";
import { concurrent, type LoadProfile, openLoop, type Stage } from "./load.ts";
import { random } from "../lib/random.ts";

/** These profiles do not look at the reports that they are given. */
function stages(profile: LoadProfile, seed = 1): Stage[] {
  const run: Iterator<Stage, void, unknown> = profile((purpose) =>
    random(seed, purpose)
  ) as Iterator<Stage, void, unknown>;
  const all: Stage[] = [];
  for (let next = run.next(); !next.done; next = run.next()) {
    all.push(next.value);
  }
  return all;
}

function first(count: number, { arrivals }: Stage): number[] {
  assert.ok(Symbol.iterator in arrivals, "not open loop");
  const starts: number[] = [];
  for (const atMs of arrivals) {
    starts.push(atMs);
    if (starts.length === count) break;
  }
  return starts;
}

Deno.test("concurrent() has a stage for each number of streams", () => {
  assert.deepEqual(stages(concurrent([1, 8])), [
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
});

Deno.test("concurrent() refuses what is no number of streams, before any load is offered", () => {
  for (const streams of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => concurrent([1, streams]), {
      name: "RangeError",
      message:
        `Cannot keep sessions in flight as 'concurrent' must be a positive integer: current value is ${streams}`,
    });
  }
  assert.throws(() => concurrent([]), /'concurrent' must name at least one/);
});

Deno.test("openLoop() has a stage for each rate, at even gaps if constant", () => {
  const [slow, fast, ...rest] = stages(openLoop("constant", [2, 10]));
  assert.equal(rest.length, 0);
  assert.equal(slow!.name, "constant 2/s");
  assert.deepEqual(slow!.load, { kind: "constant", ratePerSecond: 2 });
  assert.equal(slow!.maxInFlight, Infinity);
  assert.deepEqual(first(3, slow!), [0, 500, 1000]);
  assert.deepEqual(first(3, fast!), [0, 100, 200]);
});

Deno.test("openLoop() tells its limit of requests in flight", () => {
  const [stage] = stages(openLoop("constant", [5], { maxInFlight: 3 }));
  assert.equal(stage!.maxInFlight, 3);
  assert.deepEqual(stage!.load, {
    kind: "constant",
    ratePerSecond: 5,
    maxInFlight: 3,
  });
});

Deno.test("openLoop() draws Poisson arrivals from a stream of chance for each stage", () => {
  const profile = openLoop("poisson", [100, 100]);
  const [a, b] = stages(profile);
  const [again] = stages(profile);
  const [other] = stages(profile, 2);
  const starts = first(50, a!);
  assert.deepEqual(first(50, again!), starts);
  assert.notDeepEqual(first(50, b!), starts);
  assert.notDeepEqual(first(50, other!), starts);
});

Deno.test("openLoop() refuses rates and limits that are none", () => {
  for (const rate of [0, -1, NaN, Infinity]) {
    assert.throws(() => openLoop("poisson", [1, rate]), {
      name: "RangeError",
      message:
        `Cannot offer load as the rate of 'poisson' must be above 0 per second: current value is ${rate}`,
    });
  }
  for (const maxInFlight of [0, -1, 1.5, NaN, -Infinity]) {
    assert.throws(() => openLoop("constant", [1], { maxInFlight }), {
      name: "RangeError",
      message:
        `Cannot offer load as 'maxInFlight' must be a positive integer: current value is ${maxInFlight}`,
    });
  }
  assert.throws(() => openLoop("constant", []), RangeError);
});
