import assert from "node:assert/strict";
import type { Backend } from "./contract.ts";
import { closedLoop, openLoop, type StageContext } from "./dispatch.ts";
import { WHOLE } from "./shard.ts";
import { RequestError } from "./errors.ts";
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
    concurrency: 1,
    spreadMs: 0,
    random: () => 1,
    shard: WHOLE,
  });
  await clock.advance(10_000);
  await running;
  const gaps = sent.slice(1).map((atMs, i) => atMs - sent[i]!);
  assert.deepEqual(gaps, [100, 200, 400, 800, 1000, 1000, 0, 100]);
});
