// The schedule of each load: its formula, its statistics, and the same one however it is split into shares.

import assert from "node:assert/strict";
import fc from "fast-check";
import { slotsOf } from "../core/dispatch.ts";
import { takeShard } from "../core/shard.ts";
import type { Configured, LoopSlot, Stage } from "../plugins/mod.ts";
import { stagesOf } from "../tests/support/loads.ts";
import { openLoad } from "../tests/support/offered_load.ts";
import {
  countsOf,
  dispersionOf,
  gapsOf,
  ksDistance,
  lag1Of,
} from "../tests/support/statistics.ts";
import { burst } from "./burst.ts";
import { concurrent, sync, throughput } from "./concurrent.ts";
import { constant, gamma, poisson } from "./open_loop.ts";
import { ramp, type RampOptions } from "./ramp.ts";
import { steps } from "./steps.ts";
import { users } from "./users.ts";

async function stageOf(load: Configured<"load">, seed = 1): Promise<Stage> {
  const [stage] = stagesOf(await openLoad(load), seed);
  return stage!;
}

/** The first start times of an open loop. */
async function startsOf(
  load: Configured<"load">,
  count: number,
  seed = 1,
): Promise<number[]> {
  const { arrivals } = await stageOf(load, seed);
  assert.ok(Symbol.iterator in arrivals, "not an open loop");
  return Iterator.from(arrivals).take(count).toArray();
}

async function slotsIn(
  load: Configured<"load">,
  seed = 1,
): Promise<LoopSlot[]> {
  const { arrivals } = await stageOf(load, seed);
  assert.ok("concurrency" in arrivals, "not a closed loop");
  return [...slotsOf(arrivals)];
}

function openAt(atMs: number, slots: readonly LoopSlot[]): number {
  return slots.filter(({ fromMs, untilMs = Infinity }) =>
    fromMs <= atMs && atMs < untilMs
  ).length;
}

type Level = (atMs: number) => number;

/** Level of a ramp at a time. */
function levelOf({ from, to, overMs = 60_000, shape }: RampOptions): Level {
  return (atMs) => {
    const part = Math.min(1, atMs / overMs);
    return shape === "exponential"
      ? from * (to / from) ** part
      : from + (to - from) * part;
  };
}

/** Requests that a rate lets expect from one time to another, by Simpson's rule. */
function expectedFrom(fromMs: number, toMs: number, rate: Level): number {
  const parts = 64, step = (toMs - fromMs) / parts;
  let sum = 0;
  for (let i = 0; i <= parts; i++) {
    const weight = i === 0 || i === parts ? 1 : i % 2 === 0 ? 2 : 4;
    sum += weight * rate(fromMs + i * step);
  }
  return sum * step / 3 / 1000;
}

/** Expected requests by each start, added up from start to start. A jump of the rate is a break between two parts. */
function expectedBy(
  starts: readonly number[],
  rate: Level,
  breaksMs: readonly number[],
): number[] {
  let total = 0, atMs = 0;
  return starts.map((startMs) => {
    const breaks = breaksMs.filter((each) => each > atMs && each < startMs);
    for (const endMs of [...breaks, startMs]) {
      // Not the breaks themselves, which belong to one side only.
      const [from, to] = [atMs + 1e-7, endMs - 1e-7];
      if (from < to) total += expectedFrom(from, to, rate);
      atMs = endMs;
    }
    return total;
  });
}

const level = fc.double({ min: 0.5, max: 500, noNaN: true });
const ramps = fc.record({
  from: level,
  to: level,
  overMs: fc.double({ min: 1000, max: 60_000, noNaN: true }),
  shape: fc.constantFrom("linear" as const, "exponential" as const),
});

Deno.test("ramp() of a rate has start number n when n requests are expected, up and down, and holds afterwards", async () => {
  await fc.assert(
    fc.asyncProperty(ramps, async (options) => {
      const load = ramp({ ...options, process: "constant" });
      const starts = await startsOf(load, 500);
      const expected = expectedBy(starts, levelOf(options), [options.overMs]);
      for (const [n, total] of expected.entries()) {
        assert.ok(Math.abs(total - n) < 1e-3 * (1 + n / 100), `${n}: ${total}`);
      }
    }),
    { numRuns: 50 },
  );
  const fromZero = ramp({ from: 0, to: 2, overMs: 1000, process: "constant" });
  assert.deepEqual(await startsOf(fromZero, 3), [0, 1000, 1500]);
});

Deno.test("steps() of a rate have start number n when n requests are expected", async () => {
  const cases = fc.record({
    levels: fc.array(level, { minLength: 1, maxLength: 6 }),
    holdMs: fc.double({ min: 10, max: 5000, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ levels, holdMs }) => {
      const load = steps({ levels, holdMs, process: "constant" });
      const starts = await startsOf(load, 300);
      const rate: Level = (atMs) =>
        levels[Math.min(levels.length - 1, Math.floor(atMs / holdMs))]!;
      const breaks = levels.map((_, i) => (i + 1) * holdMs);
      const expected = expectedBy(starts, rate, breaks);
      for (const [n, total] of expected.entries()) {
        assert.ok(Math.abs(total - n) < 1e-3 * (1 + n / 100), `${n}: ${total}`);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("ramp() of concurrency follows its line with whole sessions", async () => {
  const cases = fc.record({
    from: fc.integer({ min: 1, max: 60 }),
    to: fc.integer({ min: 1, max: 60 }),
    overMs: fc.integer({ min: 1000, max: 60_000 }),
    shape: fc.constantFrom("linear" as const, "exponential" as const),
    // After the beginning, over which the first sessions are spread.
    part: fc.double({ min: 0.06, max: 2, noNaN: true }),
  });
  await fc.assert(fc.asyncProperty(cases, async ({ part, ...options }) => {
    const { from, to, overMs } = options;
    const slots = await slotsIn(ramp({ ...options, of: "concurrency" }));
    assert.equal(slots.length, Math.max(from, to));
    assert.ok(gapsOf(slots.map(({ fromMs }) => fromMs)).every((ms) => ms >= 0));
    const line = levelOf(options)(part * overMs);
    const open = openAt(part * overMs, slots);
    // A session that starts or ends at this very moment may be on either side.
    assert.ok(Math.abs(open - line) < 1 + 1e-6, `${open} of ${line}`);
    assert.ok(from > to ? open >= line - 1e-6 : open <= line + 1e-6);
    assert.equal(openAt(overMs * 1.001, slots), to);
  }));
  assert.deepEqual(
    await slotsIn(
      ramp({ from: 1, to: 3, overMs: 1000, of: "concurrency" }),
    ),
    [{ fromMs: 0 }, { fromMs: 500 }, { fromMs: 1000 }],
  );
  assert.deepEqual(
    await slotsIn(
      ramp({ from: 2, to: 1, overMs: 1000, of: "concurrency" }),
    ),
    [{ fromMs: 0, untilMs: 1000 }, { fromMs: 25 }],
  );
});

Deno.test("steps() of concurrency have as many sessions as each level, and end those that started last", async () => {
  const cases = fc.record({
    levels: fc.array(fc.integer({ min: 1, max: 50 }), {
      minLength: 1,
      maxLength: 8,
    }),
    holdMs: fc.integer({ min: 10, max: 30_000 }),
  });
  await fc.assert(fc.asyncProperty(cases, async ({ levels, holdMs }) => {
    const slots = await slotsIn(steps({ levels, holdMs, of: "concurrency" }));
    for (const [i, level] of levels.entries()) {
      assert.equal(openAt((i + 0.06) * holdMs, slots), level);
      assert.equal(openAt((i + 0.99) * holdMs, slots), level);
    }
    const [{ fromMs, untilMs }] = slots as [LoopSlot, ...LoopSlot[]];
    assert.deepEqual([fromMs, untilMs], [0, undefined]);
  }));
});

Deno.test("burst() starts as many sessions in each instant as it is asked for", async () => {
  const cases = fc.record({
    size: fc.integer({ min: 1, max: 300 }),
    everyMs: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
  });
  await fc.assert(fc.asyncProperty(cases, async ({ size, everyMs }) => {
    const starts = await startsOf(burst({ sizes: [size], everyMs }), 3 * size);
    const wanted = [0, 1, 2].flatMap((n) => Array(size).fill(n * everyMs));
    assert.deepEqual(starts, wanted);
  }));
});

/** Checks that starts are those of a Poisson process of rate 1: their gaps, counts and independence. */
function assertUnitPoisson(starts: readonly number[]): void {
  const n = starts.length;
  const gaps = gapsOf(starts);
  const distance = ksDistance(gaps, (gap) => 1 - Math.exp(-gap));
  assert.ok(distance < 2.23 / Math.sqrt(n), `distance ${distance}`);
  const windows = Math.floor(starts.at(-1)! / 20);
  const dispersion = dispersionOf(countsOf(starts, windows * 20, 20));
  const error = 4 * Math.sqrt(2 / windows);
  assert.ok(Math.abs(dispersion - 1) < error, `dispersion ${dispersion}`);
  const lag1 = lag1Of(gaps);
  assert.ok(Math.abs(lag1) < 4 / Math.sqrt(n), `lag-1 correlation ${lag1}`);
}

for (const seed of [1, 2, 3]) {
  const n = 10_000;
  const up: RampOptions = { from: 10, to: 300, overMs: 60_000 };
  const down: RampOptions = { from: 500, to: 20, shape: "exponential" };
  for (const options of [up, down]) {
    Deno.test(`ramp() from ${options.from} to ${options.to}/s is a Poisson process whose rate changes (seed ${seed})`, async () => {
      const starts = await startsOf(ramp(options), n, seed);
      const breaks = [options.overMs ?? 60_000];
      assertUnitPoisson(expectedBy(starts, levelOf(options), breaks));
    });
  }

  Deno.test(`steps() are a Poisson process whose rate changes (seed ${seed})`, async () => {
    const load = steps({ levels: [10, 100, 50], holdMs: 30_000 });
    const starts = await startsOf(load, n, seed);
    const rate: Level = (atMs) => atMs < 30_000 ? 10 : atMs < 60_000 ? 100 : 50;
    assertUnitPoisson(expectedBy(starts, rate, [30_000, 60_000]));
  });

  Deno.test(`users() arrive in a Poisson process and think for exponentially distributed times of their own (seed ${seed})`, async () => {
    const slots = await slotsIn(
      users({ users: n, arrive: 50, thinkMs: 4000 }),
      seed,
    );
    assertUnitPoisson(slots.map(({ fromMs }) => fromMs * 50 / 1000));
    const think = (slot: LoopSlot, count: number) =>
      Iterator.from(slot.thinkTimes!).take(count).map((ms) => ms / 4000);
    const ofOne = think(slots[0]!, n).toArray();
    const ofAll = slots.map((slot) => think(slot, 1).next().value!);
    for (const times of [ofOne, ofAll]) {
      let total = 0;
      assertUnitPoisson(times.map((time) => total += time));
    }
  });
}

const LOADS: readonly Configured<"load">[] = [
  sync({}),
  concurrent({ streams: [37] }),
  throughput({}),
  constant({ rates: [7] }),
  poisson({ rates: [50] }),
  gamma({ rates: [50], burstiness: 0.3 }),
  burst({ sizes: [7], everyMs: 100 }),
  ramp({ from: 5, to: 60 }),
  ramp({ from: 60, to: 5, shape: "exponential", process: "constant" }),
  ramp({ from: 3, to: 47, of: "concurrency" }),
  ramp({ from: 47, to: 3, of: "concurrency" }),
  steps({ levels: [5, 50, 20], holdMs: 1000 }),
  steps({ levels: [5, 50, 20], of: "concurrency" }),
  users({ users: 33, arrive: 5 }),
];

/** The starts of a stage, or its slots with their think times, as a worker reads them that has one share. */
async function scheduleOf(load: Configured<"load">): Promise<unknown[]> {
  const { arrivals } = await stageOf(load, 7);
  assert.ok(!("speed" in arrivals), "the data has the schedule");
  if (!("concurrency" in arrivals)) {
    return Iterator.from(arrivals).take(500).toArray();
  }
  return [...slotsOf({ spreadMs: 1000, ...arrivals })].map((slot) => ({
    ...slot,
    thinkTimes: Iterator.from(slot.thinkTimes ?? []).take(20).toArray(),
  }));
}

for (const load of LOADS) {
  const options = JSON.stringify(load.options);
  Deno.test(`${load.name}() has the same schedule in 2, 4 and 10 shares, item by item: ${options}`, async () => {
    const whole = await scheduleOf(load);
    for (const count of [2, 4, 10]) {
      const shares: unknown[][] = [];
      for (let index = 0; index < count; index++) {
        const share = takeShard(await scheduleOf(load), { index, count });
        shares.push([...share]);
      }
      for (const [i, item] of whole.entries()) {
        const found = shares[i % count]![Math.floor(i / count)];
        assert.deepEqual(found, item);
      }
      assert.equal(shares.flat().length, whole.length);
    }
  });
}
