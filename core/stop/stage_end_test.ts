import assert from "node:assert/strict";
import {
  answering,
  items,
  type Ran,
  runWith,
} from "../../tests/support/runs.ts";
import { closedLoop, evenLoop } from "../../tests/support/loads.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import type { Backend, Call } from "../contract.ts";
import type { RunStopRules, StopRules } from "../config.ts";
import { WHOLE } from "../shard.ts";
import { StageEnd } from "./stage_end.ts";
import { explainStop, StopJudge } from "./stop_judge.ts";
import { StopWatch } from "./stop_watch.ts";

/** Answers after 10 ms; from the `good`-th request on, requests fail, or hang until they are given up. */
function breaking(good: number, how: "fail" | "hang"): Backend {
  let sent = 0;
  return answering(10, {
    send: async (request, call) => {
      const isGood = sent++ < good;
      if (!isGood && how === "hang") await hang(call);
      const output = await answering(10).send(request, call);
      if (!isGood) throw new Error("It is broken");
      return output;
    },
  });
}

function hang({ signal }: Pick<Call, "signal">): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/** Returns why the first stage of a run ended, in words, or the rule. */
function reasonOf({ result: { stages: [stage] } }: Ran): string {
  return explainStop(stage!) ?? stage!.stopped;
}

Deno.test("errors end a stage, and the next one goes on", async () => {
  const ran = await runWith({
    backend: breaking(20, "fail"),
    load: closedLoop([2, 1]),
    stop: { requests: 1000, errors: 5 },
  });
  const [first, second] = ran.result.stages;
  assert.equal(first?.stopped, "errors");
  assert.deepEqual(first?.stopCause, { scope: "stage", value: 5, limit: 5 });
  assert.equal(first?.counts.error, 6); // one more was in flight
  assert.equal(first?.counts.ok, 20);
  assert.equal(reasonOf(ran), "stopped: 5 requests failed (limit 5)");
  // The window ends with the rule, not with the last request.
  assert.equal(first?.window.endMs, 130);
  assert.equal(second?.stopped, "errors");
  assert.equal(second?.counts.error, 5);
  assert.equal(ran.result.interrupted, false);
});

Deno.test("errors of the warm-up count", async () => {
  const { result: { stages: [stage] } } = await runWith({
    backend: breaking(0, "fail"),
    stop: { warmupMs: 10_000, durationMs: 1000, errors: 3 },
  });
  assert.equal(stage?.stopped, "errors");
  assert.equal(stage?.counts.warmup, 3);
  assert.equal(stage?.window.endMs, stage?.window.startMs);
});

Deno.test("an error rate is judged once 30 requests have ended", async () => {
  const ran = await runWith({
    backend: breaking(27, "fail"),
    stop: { requests: 1000, errorRate: 0.1 },
  });
  assert.equal(
    reasonOf(ran),
    "stopped: 10 % of 30 requests failed (limit 10 %)",
  );
  const early = await runWith({
    backend: breaking(0, "fail"),
    stop: { requests: 1000, errorRate: 0.1 },
  });
  assert.equal(early.samples.length, 30);
});

Deno.test("a recent error rate looks back on a window of requests", async () => {
  const ran = await runWith({
    backend: breaking(500, "fail"),
    stop: { requests: 1000, recentErrorRate: 0.3, errorRate: 0.3 },
  });
  assert.equal(
    reasonOf(ran),
    "stopped: 30 % of the last 30 requests failed (limit 30 %)",
  );
  assert.equal(ran.samples.length, 509);
  const short = await runWith({
    backend: breaking(500, "fail"),
    stop: { requests: 1000, recentErrorRate: 1, recentErrorWindow: 4 },
  });
  assert.equal(short.samples.length, 504);
});

Deno.test("rules of the run count over its stages and end it", async () => {
  const rules: [RunStopRules, string, number][] = [
    [{ requests: 25 }, "run stopped: after 25 requests", 25],
    [{ durationMs: 255 }, "run stopped: after 0.255 s", 26],
    [{ errors: 8 }, "run stopped: 8 requests failed (limit 8)", 28],
  ];
  for (const [stopRun, words, requests] of rules) {
    const ran = await runWith({
      backend: breaking(20, "fail"),
      load: closedLoop([1, 1, 1, 1]),
      stop: { requests: 10 },
      stopRun,
    });
    const { stages, interrupted } = ran.result;
    assert.equal(stages.length, 3);
    assert.equal(stages[0]?.stopped, "requests");
    assert.equal(explainStop(stages[2]!), words);
    assert.equal(ran.samples.length, requests);
    assert.equal(interrupted, false);
  }
});

Deno.test("a run that is at its end between two stages begins no other", async () => {
  for (const stopRun of [{ requests: 20 }, { durationMs: 200 }]) {
    const { result, samples } = await runWith({
      load: closedLoop([1, 1, 1]),
      stop: { requests: 10 },
      stopRun,
    });
    assert.equal(samples.length, 20);
    assert.equal(result.stages.length, 2);
  }
});

Deno.test("data without end may be ended by a rule of the run", async () => {
  const { result: { stages } } = await runWith({
    dataset: {
      isEndless: true,
      async *sessions() {
        for (let i = 0;; i++) yield* items(`${i}`).sessions(undefined!);
      },
    },
    load: closedLoop([1, 1]),
    stopRun: { requests: 7 },
  });
  assert.equal(stages.length, 1);
  assert.equal(stages[0]?.counts.ok, 7);
});

// Every rule must hold against a server that stops answering mid-run, with a backend without any time limit.
const SILENCE = { silenceMs: 5000 };

Deno.test("a hung server cannot hold a number of requests that is never reached", async () => {
  const clock = manualClock();
  const ran = await runWith({
    clock,
    backend: breaking(7, "hang"),
    load: closedLoop([4]),
    stop: { requests: 100, ...SILENCE },
  });
  const [stage] = ran.result.stages;
  assert.equal(stage?.stopped, "silence");
  assert.equal(stage?.counts.ok, 7);
  assert.equal(stage?.counts.timeout, 4);
  assert.equal(
    reasonOf(ran),
    "stopped: nothing was sent or received for 5 s",
  );
  assert.ok(clock.now() < 5500, `${clock.now()}`);
});

Deno.test("a hung server cannot hold a number of requests that were all started", async () => {
  const clock = manualClock();
  const ran = await runWith({
    clock,
    backend: breaking(7, "hang"),
    load: closedLoop([4]),
    stop: { requests: 11, drainMs: 3000 },
  });
  const [stage] = ran.result.stages;
  assert.equal(stage?.stopped, "requests");
  assert.equal(stage?.counts.cancelled, 4);
  assert.ok(clock.now() < 3500, `${clock.now()}`);
});

Deno.test("a hung server holds a stage for an hour at most where nothing else is said", async () => {
  const hourMs = 3_600_000;
  for (const reason of ["requests", "data"] as const) {
    const clock = manualClock();
    const end = new StageEnd(clock, undefined);
    end.started(clock.now());
    end.stop(reason);
    await clock.advance(hourMs - 1);
    assert.equal(end.cut.aborted, false);
    await clock.advance(1);
    assert.equal(end.cut.aborted, true);
    assert.equal(clock.pending, 0);
  }
  const clock = manualClock();
  const ends: string[] = [];
  const watch = new StopWatch({
    clock,
    stop: {},
    stopRun: {},
    runJudge: new StopJudge({}, "run", WHOLE),
    shard: WHOLE,
    end: ({ reason }) => void ends.push(reason),
    giveUp: ({ message }) => void ends.push(message),
  });
  watch.started(clock.now());
  await clock.advance(hourMs - 1);
  watch.look(1);
  assert.deepEqual(ends, []);
  await clock.advance(1);
  watch.look(0);
  assert.deepEqual(ends, []);
  watch.look(1);
  assert.deepEqual(ends, [
    "silence",
    "no request of the stage sent or received anything for 3600000 ms",
  ]);
});

Deno.test("a hung server cannot hold the end of the data", async () => {
  const clock = manualClock();
  const ran = await runWith({
    clock,
    backend: breaking(2, "hang"),
    load: evenLoop([100]),
    stop: SILENCE,
  });
  assert.equal(ran.result.stages[0]?.stopped, "silence");
  assert.equal(ran.result.stages[0]?.counts.ok, 2);
  assert.equal(ran.result.stages[0]?.counts.timeout, 1);
  assert.ok(clock.now() < 5500, `${clock.now()}`);
});

Deno.test("a hung server cannot hold a duration, an error rule or a rule of the run", async () => {
  const rules: [StopRules, RunStopRules, string][] = [
    [{ durationMs: 1000, drainMs: 100 }, {}, "duration"],
    [{ requests: 100, errors: 1, ...SILENCE }, {}, "silence"],
    [{ requests: 100, errorRate: 0.1, ...SILENCE }, {}, "silence"],
    [{ requests: 100, recentErrorRate: 0.1, ...SILENCE }, {}, "silence"],
    [{ requests: 100, saturation: true, ...SILENCE }, {}, "silence"],
    [{ requests: 100, ...SILENCE }, { errors: 1 }, "silence"],
    [{ requests: 100, ...SILENCE }, { requests: 50 }, "silence"],
    [{ requests: 100, drainMs: 100 }, { durationMs: 1000 }, "duration"],
    [{ warmupRequests: 50, durationMs: 1000, ...SILENCE }, {}, "silence"],
    [{ warmupAuto: true, durationMs: 1000, ...SILENCE }, {}, "silence"],
    [{ warmupAuto: true, warmupMs: 900, durationMs: 100 }, {}, "duration"],
    [
      { requests: 5, cooldownRequests: 50, ...SILENCE },
      {},
      "silence",
    ],
    [
      { requests: 5, cooldownAuto: true, drainMs: 1000 },
      {},
      "requests",
    ],
  ];
  for (const [stop, stopRun, reason] of rules) {
    const clock = manualClock();
    const { result: { stages: [stage] } } = await runWith({
      clock,
      backend: breaking(3, "hang"),
      load: closedLoop([4]),
      stop,
      stopRun,
    });
    assert.equal(stage?.stopped, reason, JSON.stringify(stop));
    assert.ok(clock.now() < 32_000, `${JSON.stringify(stop)} ${clock.now()}`);
  }
});

Deno.test("a hung server cannot hold an open loop, whose arrivals end it", async () => {
  const clock = manualClock();
  const { result: { stages: [stage] } } = await runWith({
    clock,
    backend: breaking(3, "hang"),
    load: evenLoop([10], { maxInFlight: 5 }),
    stop: { requests: 100, ...SILENCE },
  });
  assert.equal(stage?.stopped, "silence");
  assert.ok(stage!.counts.dropped > 10);
  assert.ok(clock.now() < 6500, `${clock.now()}`);
});

Deno.test("a slow server that sends something now and then is not silent", async () => {
  const { result: { stages: [stage] } } = await runWith({
    backend: {
      needs: [],
      async send(_request, { clock, read, mark }) {
        for (let i = 0; i < 10; i++) {
          await clock.sleepUntil(clock.now() + 900);
          if (i % 2) read(1);
          else mark("firstByte");
        }
        return { text: "ok" };
      },
    },
    stop: { silenceMs: 1000 },
  });
  assert.equal(stage?.stopped, "data");
  assert.equal(stage?.counts.ok, 3);
});

Deno.test("the drain after the end of the data begins with the last request", async () => {
  const { result: { stages: [stage] } } = await runWith({
    backend: answering(60),
    dataset: {
      async *sessions() {
        const turns = Array.from(
          { length: 5 },
          () => ({ columns: { text: "a" } }),
        );
        yield { id: "a", turns };
      },
    },
    stop: { drainMs: 100 },
  });
  assert.equal(stage?.counts.ok, 5);
});

Deno.test("a queue that grows ends a stage, or the run", async () => {
  for (const scope of ["stage", "run"] as const) {
    const clock = manualClock();
    // Two servers of one second each get three requests a second.
    const freeAt = [0, 0];
    const ran = await runWith({
      clock,
      backend: answering(0, {
        send: async (request, call) => {
          const first = freeAt.indexOf(Math.min(...freeAt));
          const start = Math.max(clock.now(), freeAt[first]!);
          freeAt[first] = start + 1000;
          await clock.sleepUntil(start + 1000, call.signal);
          return await answering(0).send(request, call);
        },
      }),
      load: evenLoop([3, 1]),
      stop: {
        durationMs: 60_000,
        drainMs: 0,
        ...(scope === "stage" && { saturation: true }),
      },
      stopRun: scope === "run" ? { saturation: true } : {},
    });
    const [first, second] = ran.result.stages;
    assert.equal(first?.stopped, "saturation");
    assert.match(
      reasonOf(ran),
      scope === "run"
        ? /^run stopped: (requests in flight|ttft) grew steadily from/
        : /^stopped: (requests in flight|ttft) grew steadily from/,
    );
    assert.ok(first!.window.endMs < 45_000, `${first!.window.endMs}`);
    assert.equal(second?.stopped, scope === "run" ? undefined : "duration");
  }
});
