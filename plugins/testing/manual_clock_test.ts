import assert from "node:assert/strict";
import { manualClock } from "./manual_clock.ts";

Deno.test("manualClock() does not move by itself", async () => {
  const clock = manualClock({ nowMs: 5, epochMs: 1000 });
  assert.equal(clock.now(), 5);
  assert.equal(clock.epochMs, 1000);
  await clock.advance(10);
  assert.equal(clock.now(), 15);
  await clock.advanceTo(12);
  assert.equal(clock.now(), 15, "never goes back");
});

Deno.test("manualClock() runs tasks by time, then by order of scheduling, each at its own time", async () => {
  const clock = manualClock();
  const seen: string[] = [];
  for (const [name, atMs] of [["c", 30], ["a", 10], ["b", 10]] as const) {
    clock.at(atMs, () => seen.push(`${name}@${clock.now()}`));
  }
  await clock.advance(29);
  assert.deepEqual(seen, ["a@10", "b@10"]);
  await clock.advance(1);
  assert.deepEqual(seen, ["a@10", "b@10", "c@30"]);
  assert.equal(clock.pending, 0);
});

Deno.test("manualClock() lets the consequences of a task settle before time moves on", async () => {
  const clock = manualClock();
  const seen: number[] = [];
  const loop = (async () => {
    for (let atMs = 10; atMs <= 50; atMs += 10) {
      await clock.sleepUntil(atMs);
      for (let i = 0; i < 100; i++) await Promise.resolve();
      seen.push(clock.now());
    }
  })();
  await clock.advance(1000);
  await loop;
  assert.deepEqual(seen, [10, 20, 30, 40, 50]);
  assert.equal(clock.now(), 1000);
});

Deno.test("manualClock() runs overdue tasks without moving back", async () => {
  const clock = manualClock({ nowMs: 100 });
  const seen: number[] = [];
  clock.at(20, () => seen.push(clock.now()));
  await clock.settle();
  assert.deepEqual(seen, [100]);
});

Deno.test("manualClock() ticks from task to task and reports when no task is left", async () => {
  const clock = manualClock();
  const seen: number[] = [];
  clock.at(7, () => seen.push(clock.now()));
  clock.at(9, () => seen.push(clock.now()));
  assert.equal(clock.nextMs, 7);
  assert.equal(await clock.tick(), true);
  assert.deepEqual(seen, [7]);
  assert.equal(await clock.tick(), true);
  assert.equal(await clock.tick(), false);
  assert.equal(clock.nextMs, undefined);
  assert.equal(clock.now(), 9);
});

Deno.test("manualClock() cancels tasks and aborts sleeps", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const cancel = clock.at(5, () => assert.fail("was given up"));
  const sleep = assert.rejects(
    clock.sleepUntil(50, stop.signal),
    /had enough/,
  );
  assert.equal(clock.pending, 2);
  cancel();
  cancel();
  clock.at(10, () => stop.abort(new Error("had enough")));
  await clock.advance(20);
  await sleep;
  assert.equal(clock.pending, 0);
});

Deno.test("manualClock() passes errors of tasks on and runs the other tasks", async () => {
  const clock = manualClock();
  const seen: number[] = [];
  clock.at(1, () => {
    throw new Error("first");
  });
  clock.at(2, () => seen.push(2));
  await assert.rejects(clock.advance(10), /first/);
  assert.deepEqual(seen, [2]);
  assert.equal(clock.now(), 10);
  for (const message of ["a", "b"]) {
    clock.at(11, () => {
      throw new Error(message);
    });
  }
  await assert.rejects(clock.advance(10), AggregateError);
});

Deno.test("manualClock() rejects negative and invalid times", async () => {
  const clock = manualClock();
  await assert.rejects(clock.advance(-1), RangeError);
  await assert.rejects(clock.advance(NaN), RangeError);
  assert.throws(
    () => clock.at(NaN, () => {}),
    /atMs.* must be a number.* NaN$/,
  );
});
