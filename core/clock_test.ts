import assert from "node:assert/strict";
import fc from "fast-check";
import { shiftClock, systemClock } from "./clock.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";

Deno.test("systemClock() begins at 0, goes on, and knows the wall time of its 0", async () => {
  const wallMs = performance.timeOrigin + performance.now();
  const clock = systemClock();
  const first = clock.now();
  assert.ok(first >= 0 && first < 1000);
  assert.ok(Math.abs(clock.epochMs - wallMs) < 1000);
  await clock.sleepUntil(first + 5);
  assert.ok(clock.now() >= first + 5);
});

Deno.test("systemClock() runs tasks in order of time, then of arrival, and never early", async () => {
  const clock = systemClock();
  const seen: { name: string; atMs: number; ranMs: number }[] = [];
  const done = Promise.withResolvers<void>();
  const from = clock.now() + 5;
  const at = (name: string, atMs: number) =>
    clock.at(atMs, () => {
      seen.push({ name, atMs, ranMs: clock.now() });
      if (seen.length === 5) done.resolve();
    });
  at("d", from + 8.7);
  at("b", from + 3.3);
  at("c", from + 3.3);
  at("e", from + 12);
  at("a", -100);
  await done.promise;
  assert.equal(seen.map(({ name }) => name).join(""), "abcde");
  for (const { name, atMs, ranMs } of seen) assert.ok(ranMs >= atMs, name);
});

Deno.test("systemClock() runs nothing before the caller is done, not even what is overdue", async () => {
  const clock = systemClock();
  const seen: string[] = [];
  clock.at(-1, () => seen.push("task"));
  seen.push("caller");
  await clock.sleepUntil(clock.now());
  assert.deepEqual(seen, ["caller", "task"]);
});

Deno.test("systemClock() does not run what was given up, and leaves no timer behind", async () => {
  const clock = systemClock();
  let ran = 0;
  const cancels = [1, 2, 3, 1e6].map((ms) =>
    clock.at(clock.now() + ms, () => {
      ran++;
    })
  );
  for (const cancel of cancels) cancel();
  await clock.sleepUntil(clock.now() + 10);
  for (const cancel of cancels) cancel();
  assert.equal(ran, 0);
});

Deno.test("systemClock() lets a task give up another that is due as well", async () => {
  const clock = systemClock();
  const atMs = clock.now() + 2;
  let ran = false;
  clock.at(atMs, () => cancel());
  const cancel = clock.at(atMs, () => {
    ran = true;
  });
  await clock.sleepUntil(atMs + 3);
  assert.equal(ran, false);
});

Deno.test("systemClock() waits for times beyond the reach of a timer", async () => {
  const clock = systemClock();
  let ran = false;
  const cancels = [2 ** 31, 2 ** 33, Infinity].map((ms) =>
    clock.at(clock.now() + ms, () => {
      ran = true;
    })
  );
  await clock.sleepUntil(clock.now() + 10);
  for (const cancel of cancels) cancel();
  assert.equal(ran, false);
});

Deno.test("systemClock() lets the event loop run between tasks that add tasks", async () => {
  const clock = systemClock();
  let isOver = false;
  let rounds = 0;
  const again = () => {
    rounds++;
    if (!isOver) clock.at(clock.now(), again);
  };
  clock.at(0, again);
  await new Promise((resolve) => setTimeout(resolve, 5));
  isOver = true;
  const before = rounds;
  await clock.sleepUntil(clock.now() + 5);
  assert.ok(before >= 1 && rounds <= before + 1);
});

Deno.test("systemClock() lets no late task that adds late tasks hold up the others", async () => {
  const clock = systemClock();
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  const first = clock.now() + 1;
  const again = (count: number) => {
    seen.push(`late ${count}`);
    if (count < 3) clock.at(first + count / 10, () => again(count + 1));
    else done.resolve();
  };
  clock.at(first, () => again(0));
  clock.at(first + 1, () => void seen.push("other"));
  while (clock.now() < first + 2);
  await done.promise;
  assert.deepEqual(seen, ["late 0", "other", "late 1", "late 2", "late 3"]);
});

Deno.test("systemClock() loses no task to one that throws", async () => {
  const clock = systemClock();
  const errors: string[] = [];
  const seen: string[] = [];
  const catchIt = (event: ErrorEvent) => {
    errors.push(event.error.message);
    event.preventDefault();
  };
  globalThis.addEventListener("error", catchIt);
  try {
    const atMs = clock.now() + 2;
    for (const name of ["first", "second"]) {
      clock.at(atMs, () => {
        throw new Error(name);
      });
      clock.at(atMs, () => seen.push(`after ${name}`));
    }
    await clock.sleepUntil(atMs + 5);
  } finally {
    globalThis.removeEventListener("error", catchIt);
  }
  assert.deepEqual(errors, ["first", "second"]);
  assert.deepEqual(seen, ["after first", "after second"]);
});

Deno.test("systemClock() refuses a time that is not a number", () => {
  assert.throws(() => systemClock().at(NaN, () => {}), {
    name: "RangeError",
    message: "atMs must be a number, but was NaN",
  });
});

Deno.test("sleepUntil() rejects with the signal's reason, and leaves no timer behind", async () => {
  const clock = systemClock();
  const reason = new Error("interrupted");
  const stop = new AbortController();
  const sleep = clock.sleepUntil(clock.now() + 1e6, stop.signal);
  clock.at(clock.now() + 2, () => stop.abort(reason));
  await assert.rejects(sleep, reason);
  await assert.rejects(clock.sleepUntil(0, stop.signal), reason);
});

/** Exact sleeps need the C library of Linux. */
const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "systemClock() ends exact sleeps in order, none early",
  onLinux,
  async () => {
    const clock = systemClock();
    const { sleepExactlyUntil } = clock;
    assert.ok(sleepExactlyUntil);
    for (const waitMs of [0, 0.3, 0.35, 2, 4, 7]) {
      const atMs = clock.now() + waitMs;
      await sleepExactlyUntil(atMs);
      assert.ok(clock.now() >= atMs);
    }
  },
);

Deno.test(
  "an exact sleep rejects with the signal's reason, in its last milliseconds too",
  onLinux,
  async () => {
    const clock = systemClock();
    for (const waitMs of [2, 1e6]) {
      const stop = new AbortController();
      const sleep = clock.sleepExactlyUntil!(clock.now() + waitMs, stop.signal);
      stop.abort(new Error("interrupted"));
      await assert.rejects(sleep, { message: "interrupted" });
    }
  },
);

Deno.test(
  "shiftClock() moves exact sleeps as well, and has none where the clock has none",
  onLinux,
  async () => {
    const clock = systemClock();
    const atMs = clock.now() + 5;
    await shiftClock(clock, 1000).sleepExactlyUntil!(atMs - 1000);
    assert.ok(clock.now() >= atMs);
    assert.equal(shiftClock(manualClock(), 1).sleepExactlyUntil, undefined);
  },
);

Deno.test("sleepUntil() wakes at its time and forgets the signal", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  let wokeMs: number | undefined;
  const sleep = clock.sleepUntil(30, stop.signal).then(() => {
    wokeMs = clock.now();
  });
  await clock.advance(29);
  assert.equal(wokeMs, undefined);
  await clock.advance(1);
  await sleep;
  assert.equal(wokeMs, 30);
  stop.abort();
  assert.equal(clock.pending, 0);
});

Deno.test("sleepUntil() rejects where the clock refuses the time", async () => {
  const { sleepUntil, sleepExactlyUntil = sleepUntil } = systemClock();
  await assert.rejects(sleepUntil(NaN), RangeError);
  await assert.rejects(sleepExactlyUntil(NaN), RangeError);
  const { signal } = new AbortController();
  await assert.rejects(systemClock().sleepUntil(NaN, signal), RangeError);
});

Deno.test("shiftClock() counts from another 0", async () => {
  const clock = manualClock({ nowMs: 100, epochMs: 5000 });
  const shifted = shiftClock(clock, 100);
  const seen: string[] = [];
  shifted.at(10, () => seen.push(`task ${shifted.now()} ${clock.now()}`));
  const cancel = shifted.at(15, () => seen.push("given up"));
  const sleep = shifted.sleepUntil(20).then(() =>
    seen.push(`woke ${shifted.now()}`)
  );
  cancel();
  assert.equal(shifted.now(), 0);
  assert.equal(shifted.epochMs, 5100);
  await clock.advance(20);
  await sleep;
  assert.deepEqual(seen, ["task 10 110", "woke 20"]);
});

Deno.test("shiftClock() runs no task before its time, however the times are rounded", async () => {
  await fc.assert(fc.asyncProperty(
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    async (zeroMs, atMs) => {
      const clock = manualClock();
      const shifted = shiftClock(clock, zeroMs);
      let ranMs = -1;
      shifted.at(atMs, () => ranMs = shifted.now());
      await clock.tick();
      assert.ok(ranMs >= atMs && ranMs - atMs < 1e-9);
    },
  ));
});
