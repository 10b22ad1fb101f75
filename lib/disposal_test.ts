import assert from "node:assert/strict";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import { DISPOSAL_LIMIT_MS, disposeInTime } from "./disposal.ts";

Deno.test("disposeInTime() waits for a resource that closes in time, without a warning", async () => {
  const clock = manualClock();
  const warnings: string[] = [];
  const closed = Promise.withResolvers<void>();
  let isDone = false;
  const done = disposeInTime('backend "x"', () => closed.promise, {
    clock,
    warn: (message) => warnings.push(message),
  }).then(() => isDone = true);
  await clock.advanceTo(DISPOSAL_LIMIT_MS - 1);
  assert.equal(isDone, false);
  closed.resolve();
  await done;
  assert.deepEqual(warnings, []);
});

Deno.test("disposeInTime() leaves behind a resource that never closes, and names it", async () => {
  const clock = manualClock();
  const warnings: string[] = [];
  const done = disposeInTime('reporter "x"', () => new Promise(() => {}), {
    clock,
    warn: (message) => warnings.push(message),
  });
  await clock.advanceTo(DISPOSAL_LIMIT_MS);
  await done;
  assert.deepEqual(warnings, [
    'reporter "x" did not close within 5 s and was left behind',
  ]);
});

Deno.test("disposeInTime() passes errors on", async () => {
  const options = { clock: manualClock(), warn() {} };
  await assert.rejects(
    disposeInTime("x", () => Promise.reject(new Error("no")), options),
    /^Error: no$/,
  );
  await assert.rejects(
    disposeInTime("x", () => {
      throw new Error("never");
    }, options),
    /^Error: never$/,
  );
});
