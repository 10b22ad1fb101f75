import assert from "node:assert/strict";
import { sample } from "../../tests/support/sample.ts";
import { Thinning } from "./thinning.ts";

/** Ends requests at an even rate for a second, and returns how many were taken. */
function second(thinning: Thinning, from: number, rate: number): number {
  const before = thinning.taken;
  for (let i = 0; i < rate; i++) {
    thinning.takes(sample({ id: from * 1e6 + i }));
    if (i % (rate / 4) === 0) thinning.adapt(1000 * (from + i / rate));
  }
  return thinning.taken - before;
}

Deno.test("Thinning takes every request of a usual rate", () => {
  const thinning = new Thinning();
  for (let i = 1; i < 5; i++) second(thinning, i, 200);
  assert.deepEqual([thinning.taken, thinning.all], [800, 800]);
});

Deno.test("Thinning takes about two hundred a second of a high rate, evenly", () => {
  const thinning = new Thinning();
  for (let i = 1; i < 4; i++) second(thinning, i, 20_000);
  for (let i = 4; i < 8; i++) {
    const taken = second(thinning, i, 20_000);
    assert.ok(Math.abs(taken - 200) < 10, `${taken}`);
  }
  second(thinning, 8, 200);
  assert.equal(second(thinning, 9, 200), 200, "all again");
});

Deno.test("Thinning takes failures, and requests that are slower than all before", () => {
  const thinning = new Thinning();
  for (let i = 1; i < 4; i++) second(thinning, i, 50_000);
  const failure = { class: "closed", message: "No" };
  const outcome = { status: "error" as const, failure };
  for (let id = 0; id < 100; id++) {
    assert.equal(thinning.takes(sample({ id, outcome })), true);
    assert.equal(thinning.takes(sample({ id, endedMs: 2000 + id })), true);
  }
  assert.equal(thinning.takes(sample({ outcome })), false, "but not all");
});

Deno.test("Thinning takes few of a load that begins at a high rate", () => {
  const thinning = new Thinning();
  for (let id = 0; id < 10_000; id++) thinning.takes(sample({ id }));
  assert.ok(thinning.taken <= 101, `${thinning.taken}`);
});
