import assert from "node:assert/strict";
import { createGate, createTimers } from "./clock.ts";

/** A clock whose time a test sets. */
function handClock() {
  const tasks: { atMs: number; task: () => void }[] = [];
  let nowMs = 0;
  return {
    now: () => nowMs,
    at(atMs: number, task: () => void) {
      const entry = { atMs, task };
      tasks.push(entry);
      return () => {
        const index = tasks.indexOf(entry);
        if (index >= 0) tasks.splice(index, 1);
      };
    },
    waiting: () => tasks.length,
    advanceTo(ms: number): void {
      nowMs = ms;
      for (const { atMs, task } of [...tasks]) {
        if (atMs > ms) continue;
        tasks.splice(tasks.findIndex((entry) => entry.task === task), 1);
        task();
      }
    },
  };
}

Deno.test("createTimers() runs tasks, and none after end()", () => {
  const clock = handClock();
  const timers = createTimers(clock);
  const ran: number[] = [];
  timers.at(10, () => ran.push(10));
  timers.at(20, () => ran.push(20))();
  timers.at(30, () => ran.push(30));
  clock.advanceTo(25);
  assert.deepEqual(ran, [10]);
  timers.end();
  assert.equal(clock.waiting(), 0);
  timers.at(40, () => ran.push(40));
  clock.advanceTo(100);
  assert.deepEqual(ran, [10]);
});

Deno.test("createGate() passes tasks in order, held ones once the hold ends", () => {
  const clock = handClock();
  const gate = createGate(clock.at);
  const passed: string[] = [];
  const pass = (name: string, task = () => {}) =>
    gate.pass(() => {
      passed.push(name);
      task();
    });
  pass("a");
  gate.hold(50);
  pass("b", () => gate.hold(100));
  pass("c");
  assert.deepEqual(passed, ["a"]);
  clock.advanceTo(50);
  assert.deepEqual(passed, ["a", "b"], "a held task holds those after it");
  clock.advanceTo(100);
  assert.deepEqual(passed, ["a", "b", "c"]);
});

Deno.test("createGate() keeps the longest hold, and forgets tasks held forever", () => {
  const clock = handClock();
  const gate = createGate(clock.at);
  const passed: string[] = [];
  gate.hold(100);
  gate.hold(50);
  gate.pass(() => passed.push("a"));
  clock.advanceTo(60);
  assert.equal(passed.length, 0);
  clock.advanceTo(100);
  assert.deepEqual(passed, ["a"]);
  gate.hold(Infinity);
  gate.pass(() => passed.push("b"));
  clock.advanceTo(1e9);
  assert.deepEqual(passed, ["a"]);
});
