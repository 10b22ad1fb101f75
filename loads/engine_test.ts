// Each load through the engine, on a manual clock, to a server that answers.

import assert from "node:assert/strict";
import type { Configured } from "../plugins/mod.ts";
import { offer } from "../tests/support/offered_load.ts";
import { burst } from "./burst.ts";
import { concurrent, sync, throughput } from "./concurrent.ts";
import { constant, gamma, poisson } from "./open_loop.ts";
import { ramp } from "./ramp.ts";
import { steps } from "./steps.ts";
import { users } from "./users.ts";

/** Requests that were dispatched from one time to another. */
function startedIn(
  { samples }: Awaited<ReturnType<typeof offer>>,
  [fromMs, untilMs]: readonly [number, number],
): number {
  return samples.filter(({ dispatchedMs }) =>
    dispatchedMs >= fromMs && dispatchedMs < untilMs
  ).length;
}

/** Requests in flight at a time. */
function inFlightAt(
  atMs: number,
  { samples }: Awaited<ReturnType<typeof offer>>,
): number {
  return samples.filter(({ dispatchedMs, endedMs }) =>
    dispatchedMs <= atMs && atMs < endedMs
  ).length;
}

Deno.test("sync() sends each request when the one before has ended", async () => {
  const { samples, stages } = await offer(sync({}), { stop: { requests: 20 } });
  assert.equal(samples.length, 20);
  for (const [i, { scheduledMs, dispatchedMs }] of samples.entries()) {
    const before = samples[i - 1]?.endedMs ?? 0;
    assert.deepEqual([scheduledMs, dispatchedMs], [before, before]);
  }
  const { name, load } = stages[0]!;
  assert.equal(name, "sync");
  assert.deepEqual(load, { kind: "sync", concurrency: 1, spreadMs: 200 });
});

Deno.test("throughput() keeps as many in flight as allowed", async () => {
  const offered = await offer(throughput({ maxInFlight: 40 }), {
    stop: { durationMs: 3000, warmupMs: 1000 },
  });
  for (const atMs of [1000, 2000, 3999]) {
    assert.equal(inFlightAt(atMs, offered), 40);
  }
  assert.deepEqual(offered.stages[0]!.load, {
    kind: "throughput",
    concurrency: 40,
    spreadMs: 400,
  });
});

Deno.test("burst() starts a burst in one instant, with its connections and sessions ready, however many came before", async () => {
  const connections: number[] = [];
  const offered = await offer(burst({ sizes: [100, 300], everyMs: 1000 }), {
    stop: { durationMs: 5000 },
    connect: (count) => connections.push(count),
  });
  assert.deepEqual(connections, [100, 300]);
  const [small, large] = [0, 1].map((stage) =>
    offered.samples.filter((sample) => sample.stage === stage)
  );
  const startsOf = (samples: typeof small) =>
    samples!.map(({ dispatchedMs }) => dispatchedMs);
  const burstsOf = (size: number, zeroMs: number) =>
    [0, 1, 2, 3, 4].flatMap((n) => Array(size).fill(zeroMs + n * 1000));
  assert.deepEqual(startsOf(small), burstsOf(100, 0));
  const zeroMs = offered.stages[1]!.window.stageStartMs;
  assert.deepEqual(startsOf(large), burstsOf(300, zeroMs));
});

Deno.test("ramp() of a rate rises and ends with the ramp, after a warm-up that is a part of it", async () => {
  const load = ramp({ from: 5, to: 45, overMs: 10_000, process: "constant" });
  const offered = await offer(load, { stop: { warmupMs: 2000 } });
  const seconds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) =>
    startedIn(offered, [i * 1000, (i + 1) * 1000])
  );
  for (const [i, count] of seconds.entries()) {
    assert.ok(Math.abs(count - (7 + 4 * i)) <= 1, `${seconds}`);
  }
  const { window, stopped, stop, counts } = offered.stages[0]!;
  assert.deepEqual(stop, { durationMs: 8000 });
  assert.equal(stopped, "duration");
  assert.deepEqual([window.startMs, window.endMs], [2000, 10_000]);
  assert.equal(counts.ok + counts.warmup, offered.samples.length);
});

Deno.test("ramp() holds its last level if the run lasts longer", async () => {
  const load = ramp({ from: 20, to: 2, of: "concurrency", overMs: 5000 });
  const offered = await offer(load, { stop: { durationMs: 20_000 } });
  assert.equal(offered.stages[0]!.stopped, "duration");
  assert.equal(inFlightAt(300, offered), 20);
  assert.ok(Math.abs(inFlightAt(2500, offered) - 11.5) <= 1.5);
  for (const atMs of [6000, 12_000, 19_999]) {
    assert.equal(inFlightAt(atMs, offered), 2);
  }
  assert.deepEqual(offered.stages[0]!.load, {
    kind: "ramp",
    of: "concurrency",
    concurrency: 20,
    from: 20,
    to: 2,
    overMs: 5000,
    shape: "linear",
  });
});

Deno.test("steps() go from level to level without a pause, in one stage", async () => {
  const connections: number[] = [];
  const options = { levels: [4, 12, 2], holdMs: 4000 };
  const closed = await offer(steps({ ...options, of: "concurrency" }), {
    connect: (count) => connections.push(count),
  });
  assert.equal(closed.stages.length, 1);
  for (const [i, level] of options.levels.entries()) {
    assert.equal(inFlightAt(i * 4000 + 2000, closed), level);
  }
  // Those that run when their slot ends still end.
  assert.ok(inFlightAt(8000, closed) > 2);
  assert.deepEqual(connections, [4]);

  const open = await offer(steps({ ...options, process: "constant" }));
  const counts = options.levels.map((_, i) =>
    startedIn(open, [i * 4000, (i + 1) * 4000])
  );
  assert.deepEqual(counts, [16, 48, 8]);
  assert.equal(open.stages[0]!.stopped, "duration");
});

Deno.test("users() arrive one after another, and think between sessions and between turns without a time of their own", async () => {
  const text = { columns: { text: "hello" } };
  const turns = [text, { ...text, thinkMs: 123 }, text];
  const { samples } = await offer(users({ users: 1, thinkMs: 1000 }), {
    stop: { requests: 600 },
    turns,
  });
  const pauses = samples.map(({ scheduledMs }, i) =>
    scheduledMs - (samples[i - 1]?.endedMs ?? 0)
  ).slice(1);
  const given = pauses.filter((_, i) => i % 3 === 0);
  assert.ok(given.every((ms) => Math.abs(ms - 123) < 1e-6));
  const drawn = pauses.filter((_, i) => i % 3 !== 0);
  assert.equal(new Set(drawn).size, drawn.length);
  const mean = drawn.reduce((a, b) => a + b) / drawn.length;
  assert.ok(Math.abs(mean / 1000 - 1) < 4 / Math.sqrt(drawn.length));

  const many = await offer(users({ users: 30, arrive: 2, thinkMs: 0 }), {
    stop: { durationMs: 30_000 },
  });
  assert.ok(inFlightAt(3000, many) < 15);
  assert.equal(inFlightAt(29_999, many), 30);
  assert.deepEqual(many.stages[0]!.load, {
    kind: "users",
    users: 30,
    concurrency: 30,
    arrivePerSecond: 2,
    thinkMs: 0,
  });
});

const OPEN: readonly Configured<"load">[] = [
  constant({ rates: [7] }),
  poisson({ rates: [9] }),
  gamma({ rates: [9], burstiness: 0.3 }),
  burst({ sizes: [7], everyMs: 1500 }),
  ramp({ from: 5, to: 20, overMs: 5000 }),
  steps({ levels: [5, 20], holdMs: 3000 }),
];

for (const load of OPEN) {
  Deno.test(`${load.name}() offers the same arrivals in 1 and in 4 shares`, async () => {
    const stop = { durationMs: 5000 };
    const whole = await offer(load, { stop });
    const shares = [0, 1, 2, 3].map((index) =>
      offer(load, { stop, shard: { index, count: 4 } })
    );
    const parts = (await Promise.all(shares)).flatMap(({ samples }) => samples);
    assert.ok(whole.samples.length > 20);
    assert.deepEqual(
      parts.toSorted((a, b) => a.id - b.id)
        .map(({ id, scheduledMs, session }) => [id, scheduledMs, session.id]),
      whole.samples
        .map(({ id, scheduledMs, session }) => [id, scheduledMs, session.id]),
    );
  });
}

Deno.test("closed loops start the same sessions first in 1 and in 4 shares", async () => {
  for (
    const load of [
      concurrent({ streams: [18], spreadMs: 4000 }),
      ramp({ from: 3, to: 20, of: "concurrency", overMs: 4000 }),
      steps({ levels: [3, 18], of: "concurrency", holdMs: 3000 }),
      users({ users: 18, arrive: 10 }),
    ]
  ) {
    // Requests that never end: each slot starts one.
    const options = { stop: { durationMs: 8000 }, latencyMs: () => 1e9 };
    const startsOf = async (index: number, count: number) => {
      const shard = { index, count };
      const { samples } = await offer(load, { ...options, shard });
      return samples.map(({ scheduledMs }) => scheduledMs);
    };
    const whole = await startsOf(0, 1);
    const parts = await Promise.all([0, 1, 2, 3].map((i) => startsOf(i, 4)));
    assert.ok(whole.length >= 18);
    const sorted = (starts: number[]) => starts.toSorted((a, b) => a - b);
    assert.deepEqual(sorted(parts.flat()), sorted(whole));
  }
});
