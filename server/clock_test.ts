import assert from "node:assert/strict";
import { clockOf } from "./clock.ts";

/** A clock that is turned by hand. */
function handClock() {
  let nowMs = 0;
  let timer: { atMs: number; task: () => void } | undefined;
  const clock = clockOf(() => nowMs, (delayMs, task) => {
    const mine = timer = { atMs: nowMs + delayMs, task };
    return () => {
      if (timer === mine) timer = undefined;
    };
  });
  return {
    clock,
    isIdle: () => timer === undefined,
    turnTo(atMs: number): void {
      while (timer && timer.atMs <= atMs) {
        const { atMs: dueMs, task } = timer;
        timer = undefined;
        nowMs = Math.max(nowMs, dueMs);
        task();
      }
      nowMs = atMs;
    },
  };
}

Deno.test("clockOf() runs tasks in the order of their times, never before", () => {
  const { clock, turnTo, isIdle } = handClock();
  const ran: string[] = [];
  for (const atMs of [50, 10, 40, 20, 30, 5, 45]) {
    clock.at(atMs, () => ran.push(`${atMs}@${clock.now()}`));
  }
  turnTo(25);
  assert.deepEqual(ran, ["5@5", "10@10", "20@20"]);
  turnTo(60);
  assert.deepEqual(ran.slice(3), ["30@30", "40@40", "45@45", "50@50"]);
  assert.ok(isIdle());
});

Deno.test("clockOf() leaves out what is given up, and keeps no timer for it", () => {
  const { clock, turnTo, isIdle } = handClock();
  const ran: number[] = [];
  const cancels = [10, 20, 30].map((atMs) =>
    clock.at(atMs, () => ran.push(atMs))
  );
  cancels[0]!();
  cancels[2]!();
  turnTo(100);
  assert.deepEqual(ran, [20]);
  clock.at(200, () => ran.push(200))();
  assert.ok(isIdle());
});

Deno.test("clockOf() runs what a task adds, soon if it is late", () => {
  const { clock, turnTo } = handClock();
  const ran: number[] = [];
  clock.at(10, () => {
    ran.push(1);
    clock.at(5, () => ran.push(2));
    clock.at(20, () => ran.push(3));
  });
  turnTo(15);
  assert.deepEqual(ran, [1, 2]);
  turnTo(20);
  assert.deepEqual(ran, [1, 2, 3]);
});

Deno.test("clockOf() goes on behind a task that throws", () => {
  const { clock, turnTo } = handClock();
  const ran: number[] = [];
  clock.at(1, () => {
    throw new Error("task");
  });
  clock.at(2, () => ran.push(2));
  assert.throws(() => turnTo(1), /task/);
  turnTo(2);
  assert.deepEqual(ran, [2]);
});

Deno.test("stop() gives everything up", () => {
  const { clock, turnTo, isIdle } = handClock();
  clock.at(1, () => assert.fail("It ran"));
  clock.stop();
  assert.ok(isIdle());
  turnTo(10);
});
