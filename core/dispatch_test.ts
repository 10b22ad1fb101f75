import assert from "node:assert/strict";
import type { Backend } from "./contract.ts";
import {
  closedLoop,
  openLoop,
  slotsOf,
  type StageContext,
} from "./dispatch.ts";
import { WHOLE } from "./shard.ts";
import { RequestError } from "./errors.ts";
import type { Sample } from "./sample.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";

/** A stage that admits every request and records what happens. */
function fakeStage(
  backend: Backend,
  closed: AbortSignal,
  clock = manualClock(),
) {
  const dropped: number[] = [], sent: number[] = [];
  let id = 0;
  const context: StageContext = {
    backend,
    clock,
    stage: 0,
    signals: {
      closed,
      stopped: new AbortController().signal,
      cut: new AbortController().signal,
    },
    next: () =>
      Promise.resolve({
        session: { id: "s", turns: [{ columns: {} }] },
        prepared: [undefined],
      }),
    admit: () => ({ id: id++, phase: "measure" }),
    ended: ({ dispatchedMs }) => void sent.push(dispatchedMs),
    dropped: (scheduledMs) => void dropped.push(scheduledMs),
    left() {},
  };
  return { context, clock, dropped, sent };
}

Deno.test("openLoop() counts what was due before the end and could not be started as dropped", async () => {
  const end = new AbortController();
  const { context: here, clock, dropped, sent } = fakeStage(
    { needs: [], send: () => Promise.resolve({}) },
    end.signal,
  );
  // The loop is held up over three arrivals, and the end comes meanwhile.
  const late = { ...clock, now: () => clock.now() + (sent.length ? 35 : 0) };
  const arrivals = [0, 10, 20, 30, 40, 50];
  const ended: StageContext["ended"] = (sample, request) => {
    here.ended(sample, request);
    end.abort();
  };
  const running = openLoop({ ...here, clock: late, ended }, {
    arrivals,
    maxInFlight: 10,
  });
  await clock.advance(100);
  await running;
  assert.equal(sent.length, 1);
  assert.deepEqual(dropped, [10, 20, 30]);
});

Deno.test("openLoop() does not count what was due after the end, however late it comes to look", async () => {
  const end = new AbortController();
  const { context: here, clock, dropped } = fakeStage(
    { needs: [], send: () => Promise.resolve({}) },
    end.signal,
  );
  let lateMs = 0;
  const late = { ...clock, now: () => clock.now() + lateMs };
  const running = openLoop({ ...here, clock: late }, {
    arrivals: [0, 10, 20, 30, 40],
    maxInFlight: 10,
  });
  await clock.advance(5);
  end.abort();
  lateMs = 100;
  await running;
  assert.deepEqual(dropped, []);
});

Deno.test("openLoop() ends although its arrivals never reach the end of the stage", async () => {
  const { context: here, dropped } = fakeStage(
    { needs: [], send: () => Promise.resolve({}) },
    AbortSignal.abort(),
  );
  const arrivals = (function* () {
    for (;;) yield 0;
  })();
  await openLoop(here, { arrivals, maxInFlight: 10 });
  assert.equal(dropped.length, 1_000_000);
});

/** Returns a function that returns the number of the current task of the event loop. */
function taskNumber(): () => number {
  let number = 0, isArmed = false;
  return () => {
    if (!isArmed) setImmediate(() => (isArmed = false, number++));
    isArmed = true;
    return number;
  };
}

Deno.test("openLoop() starts all that is due in one instant in one task, up to startsAtOnce", async () => {
  const cases = [
    { size: 100, startsAtOnce: 1, isOneTask: true },
    { size: 1000, startsAtOnce: 1000, isOneTask: true },
    { size: 1000, startsAtOnce: 1, isOneTask: false },
  ];
  for (const { size, startsAtOnce, isOneTask } of cases) {
    const tasksOf = new Map<number, Set<number>>();
    const task = taskNumber();
    const { context: here, clock } = fakeStage({
      needs: [],
      send() {
        const tasks = tasksOf.get(clock.now()) ?? new Set();
        tasksOf.set(clock.now(), tasks.add(task()));
        return Promise.resolve({});
      },
    }, new AbortController().signal);
    const instants = [0, 5, 10, 15, 20];
    const running = openLoop(here, {
      arrivals: instants.flatMap((atMs) => Array<number>(size).fill(atMs)),
      maxInFlight: Infinity,
      startsAtOnce,
    });
    await clock.advance(30);
    await running;
    assert.deepEqual([...tasksOf.keys()], instants);
    for (const tasks of tasksOf.values()) {
      assert.equal(tasks.size === 1, isOneTask);
    }
  }
});

Deno.test("openLoop() lets other tasks run although all starts are due at once", async () => {
  const { context: here, clock, sent } = fakeStage(
    { needs: [], send: () => Promise.resolve({}) },
    new AbortController().signal,
  );
  let others = 0;
  const running = openLoop(here, {
    arrivals: Array<number>(2000).fill(0),
    maxInFlight: Infinity,
  });
  const other = () => void (sent.length < 2000 && ++others, again());
  const again = () => void (sent.length < 2000 && clock.at(0, other));
  again();
  await clock.advance(1);
  await running;
  assert.ok(others >= 5, `${others}`);
});

Deno.test("closedLoop() waits longer and longer where nobody is there, and not at all where somebody is", async () => {
  const end = new AbortController();
  const classes = [
    ...Array<string>(6).fill("connect_error"),
    "http_error",
    "connect_error",
    "http_error",
  ];
  let sends = 0;
  const { context: here, clock, sent } = fakeStage({
    needs: [],
    send() {
      const failure = classes[sends++]!;
      if (sends === classes.length) end.abort();
      return Promise.reject(new RequestError(failure, "no"));
    },
  }, end.signal);
  const running = closedLoop(here, {
    slots: slotsOf({ concurrency: 1 }),
    random: () => 1,
    shard: WHOLE,
  });
  await clock.advance(10_000);
  await running;
  const gaps = sent.slice(1).map((atMs, i) => atMs - sent[i]!);
  assert.deepEqual(gaps, [100, 200, 400, 800, 1000, 1000, 0, 100]);
});

Deno.test("closedLoop() sends the next request of a refused stream as long after the answer as Retry-After says", async () => {
  const end = new AbortController();
  const samples: Sample[] = [];
  const waits = [1000, 2500, undefined, undefined];
  const { context: here, clock } = fakeStage({
    needs: [],
    async send(_, call) {
      await call.clock.sleepUntil(call.clock.now() + 20);
      if (waits.length === 0) return {};
      const retryAfterMs = waits.shift();
      throw new RequestError("http_error", "no", { code: "429", retryAfterMs });
    },
  }, end.signal);
  const ended: StageContext["ended"] = (sample) => {
    samples.push(sample);
    if (samples.length === 6) end.abort();
  };
  const running = closedLoop({ ...here, ended }, {
    slots: slotsOf({ concurrency: 1 }),
    random: () => 1,
    shard: WHOLE,
  });
  await clock.advance(10_000);
  await running;
  const pauses = samples.slice(1).map(({ scheduledMs }, i) =>
    scheduledMs - samples[i]!.endedMs
  );
  // Its own pauses have doubled meanwhile: 400 and 800 ms follow 100 and 200.
  assert.deepEqual(pauses, [1000, 2500, 400, 800, 0]);
  // A request is due after its pause, which is therefore not part of its times.
  for (const { scheduledMs, dispatchedMs, endedMs } of samples) {
    assert.deepEqual([dispatchedMs, endedMs], [scheduledMs, scheduledMs + 20]);
  }
});

Deno.test("closedLoop() ends while a stream waits as long as Retry-After says", async () => {
  const end = new AbortController();
  const { context: here, clock, sent } = fakeStage({
    needs: [],
    send: () =>
      Promise.reject(
        new RequestError("http_error", "no", {
          code: "503",
          retryAfterMs: 3_600_000,
        }),
      ),
  }, end.signal);
  const running = closedLoop(here, {
    slots: slotsOf({ concurrency: 2 }),
    random: () => 1,
    shard: WHOLE,
  });
  await clock.advance(1000);
  end.abort();
  await running;
  assert.deepEqual(sent, [0, 0]);
});
