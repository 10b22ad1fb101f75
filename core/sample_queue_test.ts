import assert from "node:assert/strict";
import { SampleQueue } from "./sample_queue.ts";
import type { Sample } from "./sample.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import { sample } from "../tests/support/sample.ts";

Deno.test("SampleQueue keeps up with any rate in small batches, and reports progress meanwhile", async () => {
  const clock = manualClock();
  const taken: Sample[] = [];
  let largest = 0;
  let reports = 0;
  const samples = new SampleQueue(clock, {
    take(batch) {
      largest = Math.max(largest, batch.length);
      taken.push(...batch);
    },
    progress: () => void reports++,
  });
  const perMs = 50;
  let put = 0;
  for (let ms = 0; ms < 2000; ms++) {
    for (let i = 0; i < perMs; i++) samples.add(sample({ id: put++ }));
    await clock.advance(1);
  }
  const waiting = put - taken.length;
  assert.ok(waiting < 100 * perMs, `${waiting} wait`);
  assert.ok(largest < 10 * perMs, `${largest} at once`);
  assert.ok(reports >= 7, `${reports} reports`);
  samples.close();
  assert.deepEqual(
    taken.map(({ id }) => id),
    Array.from({ length: put }, (_, id) => id),
  );
  assert.equal(clock.pending, 0);
});

Deno.test("SampleQueue passes samples on at once that would take too much memory", () => {
  const clock = manualClock();
  let taken = 0;
  const samples = new SampleQueue(clock, {
    take: (batch) => void (taken += batch.length),
    progress() {},
  });
  const text = "x".repeat(1024 * 1024);
  const deltas = [{ atMs: 0, kind: "text", text }] as const;
  for (let id = 0; id < 100; id++) samples.add(sample({ id, deltas }));
  assert.ok(taken >= 60, `${taken} of 100 times 2 MiB`);
  samples.close();
  assert.equal(taken, 100);
});

Deno.test("SampleQueue does other work between samples until it is done", async () => {
  const clock = manualClock();
  let left = 5;
  const samples = new SampleQueue(clock, {
    take() {},
    work: () => left > 0 && --left > 0,
    progress() {},
  });
  await clock.advance(250);
  assert.equal(left, 4);
  await clock.advance(10);
  assert.equal(left, 0);
  samples.close();
});
