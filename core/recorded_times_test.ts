import assert from "node:assert/strict";
import fc from "fast-check";
import { isUsageError } from "./errors.ts";
import { RecordedTimes } from "./recorded_times.ts";
import type { Session } from "./request.ts";

function at(startMs: number | undefined, more: Partial<Session> = {}): Session {
  return {
    id: "a",
    turns: [],
    ...(startMs !== undefined && { startMs }),
    ...more,
  };
}

function refuses(run: () => unknown, says: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(isUsageError(error), String(error));
    assert.match(error.message, says);
    return true;
  });
}

Deno.test("RecordedTimes counts from the first session, whatever the zero of the data", () => {
  const times = new RecordedTimes();
  const epoch = 1_750_000_000_000;
  assert.deepEqual(
    [0, 20, 20, 1000].map((ms) => times.startOf(at(epoch + ms))),
    [0, 20, 20, 1000],
  );
  assert.equal(times.recorded, undefined, "the pass has not ended");
  times.endPass();
  assert.deepEqual(times.recorded, { sessions: 4, recordedMs: 1000 });
});

Deno.test("RecordedTimes shifts pass k by k times the length of the trace and the mean gap", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 10_000 }), {
    minLength: 1,
    maxLength: 50,
  });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 5 }), (gaps, passes) => {
      let atMs = 0;
      const recorded = [0, ...gaps.map((gap) => atMs += gap)];
      fc.pre(atMs > 0);
      const lengthMs = atMs + atMs / gaps.length;
      const times = new RecordedTimes();
      for (let pass = 0; pass < passes; pass++) {
        if (pass > 0) times.nextPass();
        for (const ms of recorded) {
          const startMs = times.startOf(at(ms + 5))!;
          assert.ok(
            Math.abs(startMs - (pass * lengthMs + ms)) < 1e-6 * lengthMs,
          );
        }
        times.endPass();
      }
      assert.deepEqual(times.recorded, {
        sessions: recorded.length,
        recordedMs: atMs,
      });
    }),
  );
});

Deno.test("RecordedTimes keeps the time of an item that cannot be used, and needs none", () => {
  const times = new RecordedTimes();
  assert.equal(times.startOf(at(undefined, { problem: "damaged" })), undefined);
  assert.equal(times.startOf(at(7, { problem: "damaged" })), 0);
  assert.equal(times.startOf(at(undefined, { problem: "damaged" })), undefined);
  assert.equal(times.startOf(at(9)), 2);
});

Deno.test("RecordedTimes refuses sessions without a time and times that go back", () => {
  const times = new RecordedTimes();
  refuses(() => times.startOf(at(undefined)), /"a" has none: .*columns\.time/);
  refuses(() => times.startOf(at(NaN)), /startMs must be a finite number/);
  times.startOf(at(10));
  refuses(() => times.startOf(at(8)), /must not go back, but "a" is 2 ms/);
});

Deno.test("RecordedTimes does not begin again where all times are the same", () => {
  const times = new RecordedTimes();
  times.startOf(at(3));
  times.startOf(at(3));
  times.endPass();
  refuses(() => times.nextPass(), /two times at least, but all 2 are the same/);
});
