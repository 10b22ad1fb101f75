import assert from "node:assert/strict";
import fc from "fast-check";
import { answering, type Ran, runWith } from "../../tests/support/runs.ts";
import { closedLoop, evenLoop } from "../../tests/support/loads.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import type { StopRules } from "../config.ts";
import type { Phase } from "../sample.ts";
import { WHOLE } from "../shard.ts";
import { StageWindow } from "./window.ts";

/** Number of requests of each phase. */
function phases({ samples }: Ran): Partial<Record<Phase, number>> {
  const groups = Object.groupBy(samples, ({ phase }) => phase);
  return Object.fromEntries(
    Object.entries(groups).map(([phase, { length }]) => [phase, length]),
  );
}

Deno.test("a warm-up by requests ends when so many were started", async () => {
  for (const load of [closedLoop([4]), evenLoop([400])]) {
    const ran = await runWith({
      load,
      stop: { warmupRequests: 20, requests: 40 },
    });
    const [stage] = ran.result.stages;
    assert.deepEqual(phases(ran), { warmup: 20, measure: 40 });
    assert.equal(stage?.counts.warmup, 20);
    assert.equal(stage?.window.startMs, 50);
    assert.equal(stage?.window.warmupMs, 50);
    assert.equal(stage?.window.warmupEnd, "requests");
  }
});

Deno.test("a duration begins after a warm-up by requests", async () => {
  const { result: { stages: [stage] } } = await runWith({
    load: closedLoop([4]),
    stop: { warmupRequests: 20, durationMs: 100 },
  });
  assert.deepEqual(stage?.window, {
    stageStartMs: 0,
    startMs: 50,
    endMs: 150,
    warmupMs: 50,
    warmupEnd: "requests",
  });
  assert.equal(stage?.counts.ok, 40);
  assert.equal(stage?.rates.requestsPerSecond, 400);
});

Deno.test("a share is one of the duration, or else of the requests", async () => {
  const of = async (stop: StopRules) => {
    const ran = await runWith({ load: closedLoop([4]), stop });
    return { window: ran.result.stages[0]!.window, phases: phases(ran) };
  };
  const byTime = await of({
    durationMs: 200,
    requests: 1000,
    warmupShare: 0.1,
    cooldownShare: 0.2,
  });
  assert.deepEqual(byTime.window, {
    stageStartMs: 0,
    startMs: 20,
    endMs: 220,
    warmupMs: 20,
    cooldownMs: 40,
  });
  assert.deepEqual(byTime.phases, { warmup: 8, measure: 80, cooldown: 16 });
  const byCount = await of({
    requests: 50,
    warmupShare: 0.5,
    cooldownShare: 0.1,
  });
  assert.deepEqual(byCount.phases, { warmup: 25, measure: 50, cooldown: 5 });
});

Deno.test("load goes on in a cool-down and is not measured", async () => {
  const ran = await runWith({
    backend: answering(40),
    load: closedLoop([2]),
    stop: { durationMs: 100, cooldownMs: 50 },
  });
  const [stage] = ran.result.stages;
  // Due at 0, 40 and 80, and at 120 in the cool-down.
  assert.deepEqual(phases(ran), { measure: 6, cooldown: 2 });
  assert.equal(stage?.counts.ok, 6);
  assert.equal(stage?.counts.cooldown, 2);
  assert.equal(stage?.window.cooldownMs, 50);
  // Half of the requests due at 80 lie in the window: 5 in 100 ms.
  assert.equal(stage?.rates.requestsPerSecond, 50);
  // Those of the cool-down are given up at its end, as they are not needed.
  assert.deepEqual(
    ran.samples.filter(({ phase }) => phase === "cooldown")
      .map(({ outcome, endedMs }) => [outcome.status, endedMs]),
    [["cancelled", 150], ["cancelled", 150]],
  );
});

Deno.test("a window of a number of requests ends with the start of the last if a cool-down follows", async () => {
  const ran = await runWith({
    load: evenLoop([100]),
    stop: { requests: 10, cooldownRequests: 3 },
  });
  const [stage] = ran.result.stages;
  assert.deepEqual(phases(ran), { measure: 10, cooldown: 3 });
  assert.deepEqual(stage?.window, {
    stageStartMs: 0,
    startMs: 0,
    endMs: 90,
    warmupMs: 0,
    cooldownMs: 30,
  });
  assert.equal(stage?.stopped, "requests");
  assert.equal(stage?.rates.requestsPerSecond, 1000 * 9 / 90);
});

Deno.test("an automatic cool-down lasts until the requests of the window have ended", async () => {
  const ran = await runWith({
    backend: answering(70),
    load: closedLoop([2]),
    stop: { durationMs: 100, cooldownAuto: true },
  });
  const [stage] = ran.result.stages;
  assert.equal(stage?.window.endMs, 100);
  assert.equal(stage?.window.cooldownMs, 40);
  assert.equal(stage?.counts.ok, 4);
  assert.equal(stage?.counts.cancelled, 0);
  const short = await runWith({
    backend: answering(70),
    load: closedLoop([2]),
    stop: { durationMs: 100, cooldownAuto: true, drainMs: 20 },
  });
  assert.equal(short.result.stages[0]?.window.cooldownMs, 20);
});

Deno.test("an automatic warm-up ends when the load is steady", async () => {
  const ran = await runWith({
    backend: answering(2000),
    load: evenLoop([10]),
    stop: { warmupAuto: true, durationMs: 5000 },
  });
  const { startMs, endMs, warmupMs, warmupEnd } = ran.result.stages[0]!.window;
  // Requests in flight level off after 2 s.
  assert.equal(warmupEnd, "steady");
  assert.ok(warmupMs >= 3000 && warmupMs <= 8000, `${warmupMs}`);
  assert.equal(endMs, startMs + 5000);
  // A request may be due at the very beginning.
  assert.ok([50, 51].includes(ran.result.stages[0]!.counts.ok));
});

Deno.test("an automatic warm-up has a limit", async () => {
  for (const [warmupMs, limitMs] of [[undefined, 60_000], [3000, 3000]]) {
    const { result: { stages: [stage] } } = await runWith({
      // It gets slower and slower.
      backend: answering(0, {
        async send(_request, { clock }) {
          await clock.sleepUntil(clock.now() + 100 + clock.now() / 2);
          return {};
        },
      }),
      load: closedLoop([2]),
      stop: {
        warmupAuto: true,
        durationMs: 100,
        ...(warmupMs !== undefined && { warmupMs }),
      },
    });
    assert.equal(stage?.window.warmupEnd, "limit");
    assert.equal(stage?.window.warmupMs, limitMs);
  }
});

Deno.test("data that ends within the warm-up leaves an empty window", async () => {
  const { result: { stages: [stage] } } = await runWith({
    stop: { warmupRequests: 10 },
  });
  assert.equal(stage?.stopped, "data");
  assert.equal(stage?.counts.warmup, 3);
  assert.equal(stage?.verdict.status, "failed");
});

Deno.test("the windows of all shards have as many requests as the whole", () => {
  const number = fc.integer({ min: 1, max: 200 });
  fc.assert(fc.property(
    number,
    number,
    number,
    fc.integer({ min: 1, max: 10 }),
    (warmupRequests, requests, cooldownRequests, count) => {
      const started: Record<Phase, number> = {
        warmup: 0,
        measure: 0,
        cooldown: 0,
      };
      for (let index = 0; index < count; index++) {
        let isOver = false;
        const window = new StageWindow({
          clock: manualClock(),
          stop: { warmupRequests, requests, cooldownRequests },
          shard: { index, count },
          events: {
            begin: (atMs) => atMs,
            end() {},
            over: () => isOver = true,
            rest() {},
          },
        });
        while (!isOver && !window.isEmpty) {
          const phase = window.admit(0);
          assert.ok(phase);
          started[phase]++;
        }
      }
      assert.equal(started.measure, requests);
      if (count <= Math.min(warmupRequests, requests, cooldownRequests)) {
        assert.deepEqual(started, {
          warmup: warmupRequests,
          measure: requests,
          cooldown: cooldownRequests,
        });
      }
    },
  ));
});

Deno.test("a request that is due after the end ends the window before its timer does", () => {
  const events: string[] = [];
  const window = new StageWindow({
    clock: { ...manualClock(), at: () => () => {} }, // the event loop is busy
    stop: { durationMs: 100, cooldownMs: 50 },
    shard: WHOLE,
    events: {
      begin: (atMs) => atMs,
      end: (atMs) => events.push(`end ${atMs}`),
      over: (reason) => events.push(`over: ${reason}`),
      rest() {},
    },
  });
  assert.equal(window.admit(99), "measure");
  assert.deepEqual(events, []);
  assert.equal(window.admit(160), undefined);
  assert.deepEqual(events, ["end 100", "over: duration"]);
  assert.equal(window.admit(161), undefined);
  assert.equal(events.length, 2);
});

Deno.test("a stage that ends in its warm-up has the times until then, and no window", async () => {
  const { result: { stages: [stage] } } = await runWith({
    load: closedLoop([2]),
    backend: answering(10, {
      async send(request, call) {
        await answering(10).send(request, call);
        throw new Error("It is broken");
      },
    }),
    stop: { warmupMs: 1000, durationMs: 1000, errors: 5 },
  });
  assert.deepEqual(stage?.window, {
    stageStartMs: 0,
    startMs: 30,
    endMs: 30,
    warmupMs: 30,
  });
  assert.equal(stage?.series?.requestsPerSecond.length, 1);
  assert.equal(stage?.warmupFailures?.[0]?.message, "It is broken");
});
