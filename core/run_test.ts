import assert from "node:assert/strict";
import type { Backend, Dataset } from "./contract.ts";
import { UsageError } from "./errors.ts";
import { systemClock } from "./clock.ts";
import { closedLoop, evenLoop } from "../tests/support/loads.ts";
import { answering, items, runWith } from "../tests/support/runs.ts";
import type { LoadProfile } from "./contract.ts";
import type { StageReport } from "./report.ts";
import type { StopRules } from "./config.ts";
import type { Sample } from "./sample.ts";
import { checkFirstStages, type EngineOptions, runStages } from "./run.ts";
import { parseSlos } from "./slo.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import type { InferenceRequest, Session } from "./request.ts";

/** Runs on the real clock. */
async function runOnSystemClock(options: Partial<EngineOptions>) {
  const samples: Sample[] = [];
  const result = await runStages({
    backend: answering(10),
    dataset: items("a", "b", "c"),
    load: closedLoop([1]),
    stop: {},
    seed: 1,
    normalizer: "basic",
    strict: false,
    signal: never(),
    clock: systemClock(),
    listener: {
      start() {},
      samples: (batch) => void samples.push(...batch),
      progress() {},
      stage() {},
      skip() {},
      late() {},
    },
    ...options,
  });
  return { result, samples };
}

Deno.test("runStages() sends each session once where no stop is set", async () => {
  const { samples, result } = await runWith({});
  assert.deepEqual(samples.map(({ session }) => session.id), ["a", "b", "c"]);
  assert.deepEqual(samples.map(({ id }) => id), [0, 1, 2]);
  assert.deepEqual(samples.map(({ scheduledMs }) => scheduledMs), [0, 10, 20]);
  const [stage] = result.stages;
  assert.equal(stage?.stopped, "data");
  assert.equal(stage?.counts.ok, 3);
  assert.deepEqual(stage?.window, {
    stageStartMs: 0,
    startMs: 0,
    endMs: 30,
    warmupMs: 0,
  });
  assert.equal(stage?.rates.requestsPerSecond, 100);
  assert.equal(stage?.rates.outputTokensPerSecond, 100);
  assert.equal(stage?.metrics.latency?.p50, 10);
  assert.equal(stage?.quality.wer?.value, 0);
  assert.equal(stage?.verdict.status, "too-few-samples");
});

Deno.test("runStages() reads the data again until the requests are made", async () => {
  const { samples, result } = await runWith({ stop: { requests: 5 } });
  assert.deepEqual(
    samples.map(({ session }) => session.id),
    ["a", "b", "c", "a", "b"],
  );
  assert.equal(result.stages[0]?.stopped, "requests");
});

Deno.test("runStages() measures after the warm-up, for the time asked for, and lets the last ones end", async () => {
  const { samples, result } = await runWith({
    backend: answering(40),
    load: closedLoop([2]),
    stop: { warmupMs: 100, durationMs: 100 },
  });
  const [stage] = result.stages;
  assert.deepEqual(stage?.window, {
    stageStartMs: 0,
    startMs: 100,
    endMs: 200,
    warmupMs: 100,
  });
  assert.equal(stage?.stopped, "duration");
  // Two slots, due at 0, 40, 80 (warm-up) and 120, 160 (measured); those of 160 end with the window.
  assert.deepEqual(
    samples.map(({ phase, scheduledMs }) => `${phase} ${scheduledMs}`),
    [0, 40, 80, 120, 160].flatMap((at) => {
      const phase = at < 100 ? "warmup" : "measure";
      return [`${phase} ${at}`, `${phase} ${at}`];
    }),
  );
  assert.equal(stage?.counts.ok, 4);
  assert.equal(stage?.counts.warmup, 6);
  // Two slots ÷ 40 ms: half of the requests due at 80 lies in the window.
  assert.equal(stage?.rates.requestsPerSecond, 50);
});

Deno.test("runStages() is not held by a server that hangs", async () => {
  const hung: Backend = {
    needs: [],
    send: (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  };
  const { samples, result } = await runWith({
    backend: hung,
    stop: { durationMs: 1000, drainMs: 500 },
  });
  assert.deepEqual(
    samples.map(({ outcome, endedMs }) => [outcome.status, endedMs]),
    [["cancelled", 1500]],
  );
  assert.equal(result.stages[0]?.verdict.status, "failed");
  assert.equal(result.stages[0]?.window.endMs, 1000);
});

Deno.test("runStages() starts open-loop requests when they are due, and counts those it drops", async () => {
  const { samples, result } = await runWith({
    backend: answering(250),
    load: evenLoop([10], { maxInFlight: 2 }),
    stop: { durationMs: 500 },
  });
  assert.deepEqual(
    samples.map(({ scheduledMs }) => scheduledMs),
    [0, 100, 300, 400],
  );
  const [stage] = result.stages;
  assert.equal(stage?.counts.ok, 4);
  assert.equal(stage?.counts.dropped, 1, "the one due at 200");
});

Deno.test("runStages() spreads the streams that begin together", async () => {
  const startsOf = async (
    stop: StopRules,
    load: LoadProfile = function* () {
      yield { name: "4", load: {}, arrivals: { concurrency: 4 } };
    },
  ) => {
    const { samples } = await runWith({ backend: answering(9000), load, stop });
    return samples.slice(0, 4).map(({ scheduledMs }) => scheduledMs);
  };
  const set = closedLoop([4], 100);
  assert.deepEqual(await startsOf({ requests: 4 }, set), [0, 25, 50, 75]);
  assert.deepEqual(await startsOf({ durationMs: 60_000 }), [0, 250, 500, 750]);
  assert.deepEqual(await startsOf({ durationMs: 2000 }), [0, 50, 100, 150]);
  assert.deepEqual(await startsOf({ requests: 4 }), [0, 10, 20, 30]);
});

Deno.test("runStages() gives each stage the data from its beginning, and ids of its own", async () => {
  const { samples } = await runWith({
    load: closedLoop([1, 2]),
    stop: { requests: 2 },
  });
  assert.deepEqual(
    samples.map(({ stage, id, session }) => `${stage}/${id}/${session.id}`),
    ["0/0/a", "0/1/b", "1/2/a", "1/3/b"],
  );
});

Deno.test("runStages() skips what cannot be used, once, however often the data is read", async () => {
  const dataset: Dataset = {
    async *sessions() {
      yield { id: "bad", turns: [], problem: "It is broken" };
      yield {
        id: "mute",
        turns: [{ columns: { reference: "x" } }],
      };
      yield* items("good").sessions({ seed: 0, pass: 0, signal: never() });
      yield* items("damaged").sessions({ seed: 0, pass: 0, signal: never() });
    },
  };
  const { samples, skips, result } = await runWith({
    dataset,
    stop: { requests: 3 },
    backend: answering(10, {
      prepare: ({ columns: { text } }) =>
        text === "damaged"
          ? Promise.reject(new Error("It is cut short"))
          : Promise.resolve(text),
    }),
  });
  assert.deepEqual(samples.map(({ session }) => session.id), [
    "good",
    "good",
    "good",
  ]);
  assert.deepEqual(skips, [
    "bad: It is broken",
    'mute: no column "text", which the backend needs; there are: reference',
    "damaged: It is cut short",
  ]);
  assert.equal(result.skipped.count, 3);
});

Deno.test("runStages() refuses data without a usable item, before it offers load", async () => {
  const bad: Dataset = {
    async *sessions() {
      yield { id: "a.wav", turns: [], problem: "It is empty" };
    },
  };
  await assert.rejects(
    runWith({ dataset: bad, stop: { requests: 3 } }),
    (error) =>
      error instanceof UsageError &&
      /1 skipped\n {2}a\.wav: It is empty$/.test(error.message),
  );
  await assert.rejects(runWith({ dataset: items() }), /the data has no items/);
});

Deno.test("runStages() names each reason why no item can be used once, with its place", async () => {
  const bad: Dataset = {
    async *sessions() {
      for (
        const [id, problem] of [
          ["a", "It is empty"],
          ["f:2", "f:2: It is odd"],
          ["b", "It is empty"],
        ] as const
      ) {
        yield { id, turns: [], problem };
      }
    },
  };
  await assert.rejects(
    runWith({ dataset: bad }),
    /3 skipped\n {2}a, b: It is empty\n {2}f:2: It is odd$/,
  );
});

Deno.test("runStages() ends its search for a usable item", async () => {
  const endless: Dataset = {
    async *sessions() {
      for (let i = 0;; i++) {
        yield { id: String(i), turns: [{ columns: { reference: "x" } }] };
      }
    },
  };
  await assert.rejects(
    runWith({ dataset: endless }),
    /1000 skipped\n {2}0, 1, 2 and 17 more: no .*\n {2}… and 980 more$/,
  );
});

Deno.test("runStages() refuses stop rules that have no meaning", async () => {
  for (
    const stop of [
      { durationMs: -1 },
      { durationMs: NaN },
      { requests: 0 },
      { requests: 1.5 },
      { requests: NaN },
      { requests: 1, warmupMs: -5000 },
      { requests: 1, drainMs: -1 },
    ]
  ) {
    await assert.rejects(
      runWith({ stop }),
      (error) =>
        error instanceof UsageError &&
        /^\w+ must be .*, but was /.test(error.message),
      JSON.stringify(stop),
    );
  }
});

Deno.test("runStages() ends a stage by its own stop rules, where it has any", async () => {
  const load: LoadProfile = function* () {
    const stage = {
      name: "one",
      load: {},
      arrivals: { concurrency: 1 },
    };
    yield { ...stage, stop: { requests: 5, warmupMs: 20 } };
    yield stage;
  };
  const { result } = await runWith({ load, stop: { requests: 2 } });
  const [own, shared] = result.stages;
  assert.deepEqual([own?.counts.ok, shared?.counts.ok], [5, 2]);
  assert.deepEqual(own?.stop, { requests: 5, warmupMs: 20 });
  assert.equal(own?.window.warmupMs, 20);
  assert.equal("stop" in shared!, false);
  const endless = { ...items("a"), isEndless: true };
  checkFirstStages({
    load,
    dataset: endless,
    stop: {},
    seed: 1,
    normalizer: "basic",
  });
});

Deno.test("runStages() stops on the signal between stages that have no request", async () => {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 20);
  const { result: { stages, interrupted } } = await runOnSystemClock({
    load: function* () {
      for (;;) yield { name: "none", load: {}, arrivals: [], maxInFlight: 3 };
    },
    signal: stop.signal,
  });
  clearTimeout(timer);
  assert.ok(interrupted);
  assert.ok(stages.length > 0);
});

Deno.test("runStages() shows a load profile the SLO results of each stage", async () => {
  const passes: (boolean | undefined)[] = [];
  const load: LoadProfile = function* () {
    for (let concurrency = 1; concurrency < 10; concurrency++) {
      const report = yield {
        name: `${concurrency}`,
        load: {},
        arrivals: { concurrency },
        stop: { requests: 10 },
      };
      passes.push(report.slo?.[0]?.pass);
      if (!report.slo?.[0]?.pass) return;
    }
  };
  let sent = 0;
  await runWith({
    load,
    slos: parseSlos(["latency.max<15ms"]),
    backend: answering(10, {
      async send(_request, { clock, signal }) {
        const ms = ++sent > 20 ? 30 : 10;
        await clock.sleepUntil(clock.now() + ms, signal);
        return {};
      },
    }),
  });
  assert.deepEqual(passes, [true, true, false]);
});

Deno.test("runStages() of every shard is the run: sessions, ids and requests by position", async () => {
  const count = 3;
  const ids = Array.from({ length: 10 }, (_, i) => `s${i}`);
  for (
    const [load, stop, total] of [
      [evenLoop([100]), {}, 10],
      [closedLoop([4]), {}, 10],
      [closedLoop([4]), { requests: 7 }, 7],
    ] as const
  ) {
    const samples: Sample[] = [];
    for (let index = 0; index < count; index++) {
      const shard = { index, count };
      const ran = await runWith({ load, stop, shard, dataset: items(...ids) });
      samples.push(...ran.samples);
    }
    samples.sort((a, b) => a.id - b.id);
    assert.deepEqual(
      samples.map(({ id }) => id),
      Array.from({ length: total }, (_, i) => i),
    );
    assert.deepEqual(
      samples.map(({ session }) => session.id),
      ids.slice(0, total),
    );
  }
});

Deno.test("runStages() refuses endless data without a stop rule", async () => {
  await assert.rejects(
    runWith({ dataset: { ...items("a"), isEndless: true } }),
    (error) =>
      error instanceof UsageError &&
      /^data without end needs a duration or a number of requests: neither was given$/
        .test(error.message),
  );
});

Deno.test("runStages() ends at the first unusable item if it is strict", async () => {
  const dataset: Dataset = {
    async *sessions() {
      yield* items("good").sessions({ seed: 0, pass: 0, signal: never() });
      yield { id: "bad", turns: [], problem: "It is broken" };
      yield* items("never").sessions({ seed: 0, pass: 0, signal: never() });
    },
  };
  const { samples, result } = await runWith({ dataset, strict: true });
  assert.deepEqual(samples.map(({ session }) => session.id), ["good"]);
  assert.match(String(result.error), /"bad" cannot be used: It is broken/);
  assert.equal(result.interrupted, true);
});

Deno.test("runStages() reports what there is when it is interrupted", async () => {
  const clock = manualClock();
  const interrupt = new AbortController();
  clock.at(55, () => interrupt.abort(new Error("Ctrl-C")));
  const { samples, result } = await runWith({
    clock,
    signal: interrupt.signal,
    stop: { durationMs: 1000 },
    backend: answering(20),
  });
  assert.deepEqual(
    samples.map(({ outcome }) => outcome.status),
    ["ok", "ok", "cancelled"],
  );
  assert.equal(result.interrupted, true);
  assert.equal(result.stages[0]?.stopped, "interrupted");
  assert.equal(result.stages[0]?.window.endMs, 55);
});

Deno.test("runStages() sends the turns of a session in order, with the answers so far", async () => {
  const seen: InferenceRequest[] = [];
  const session: Session = {
    id: "talk",
    turns: [{ columns: { text: "one" } }, {
      columns: { text: "two" },
      thinkMs: 30,
    }],
  };
  let gone: string | undefined;
  const plain = answering(10);
  const { samples } = await runWith({
    dataset: {
      async *sessions() {
        yield session;
      },
    },
    backend: {
      ...plain,
      prepare: ({ columns }) => Promise.resolve(`ready: ${columns.text}`),
      send(request, call) {
        seen.push(request);
        return plain.send(request, call);
      },
      endSession: (id) => void (gone = id),
    },
  });
  assert.deepEqual(samples.map(({ scheduledMs }) => scheduledMs), [0, 40]);
  assert.deepEqual(seen[1]?.session, {
    id: "talk",
    turn: 1,
    history: [{
      turn: session.turns[0],
      prepared: "ready: one",
      output: samples[0]!.output,
    }],
  });
  assert.equal(samples[0]!.output.text, "ok");
  assert.equal(gone, "talk");
});

Deno.test("runStages() sends every turn of every session where no stop is set", async () => {
  const dataset: Dataset = {
    async *sessions() {
      for (const id of ["a", "b", "c"]) {
        const turn = { columns: { text: id }, thinkMs: 5 };
        yield { id, turns: id === "b" ? [turn, turn, turn] : [turn] };
      }
    },
  };
  for (const load of [closedLoop([3]), evenLoop([1000])]) {
    const { samples, result } = await runWith({ dataset, load });
    const turns = samples.map(({ session }) => `${session.id}${session.turn}`);
    assert.deepEqual(turns.sort(), ["a0", "b0", "b1", "b2", "c0"]);
    assert.equal(result.stages[0]?.stopped, "data");
  }
});

Deno.test("runStages() sends the last session although the data ended while it was prepared", async () => {
  const clock = manualClock();
  const { samples } = await runWith({
    clock,
    load: closedLoop([2]),
    backend: answering(10, {
      prepare: ({ columns: { text } }) =>
        clock.sleepUntil(text === "c" ? 5000 : 0).then(() => undefined),
    }),
  });
  assert.deepEqual(samples.map(({ session }) => session.id), ["a", "b", "c"]);
});

Deno.test("runStages() is strict with the last item too, although the data ended while it was prepared", async () => {
  const clock = manualClock();
  const { result } = await runWith({
    clock,
    strict: true,
    load: closedLoop([2]),
    backend: answering(10, {
      prepare: ({ columns: { text } }) =>
        clock.sleepUntil(text === "c" ? 5000 : 0).then(() => {
          if (text === "c") throw new Error("It is cut short");
        }),
    }),
  });
  assert.match(String(result.error), /"c" cannot be used: It is cut short/);
});

Deno.test("runStages() ends in time with a backend that answers, or fails, at once", async () => {
  const backends: Backend["send"][] = [
    () => Promise.resolve({ text: "ok" }),
    () => {
      throw new Error("It is broken");
    },
  ];
  for (const send of backends) {
    const { result } = await runOnSystemClock({
      backend: { needs: [], send },
      load: closedLoop([2]),
      stop: { durationMs: 50 },
    });
    assert.equal(result.stages[0]?.stopped, "duration");
  }
});

Deno.test("runStages() ends in time although requests are due faster than they can be started", async () => {
  const { result, samples } = await runOnSystemClock({
    backend: answering(1),
    load: evenLoop([10_000_000]),
    stop: { durationMs: 50 },
  });
  const [stage] = result.stages;
  assert.equal(stage?.stopped, "duration");
  assert.equal(stage?.counts.ok, samples.length);
  assert.equal(new Set(samples.map(({ id }) => id)).size, samples.length);
});

Deno.test("runStages() is not held by data that does not come", async () => {
  const clock = manualClock();
  const { result } = await runWith({
    clock,
    stop: { durationMs: 100 },
    dataset: {
      async *sessions({ signal }) {
        yield { id: "a", turns: [{ columns: { text: "a" } }] };
        await clock.sleepUntil(100_000, signal).catch(() => {});
      },
    },
  });
  assert.equal(result.stages[0]?.stopped, "duration");
  assert.ok(clock.now() < 2000, `until ${clock.now()} ms`);
});

Deno.test("runStages() keeps the stages before one that cannot begin", async () => {
  let reads = 0;
  const { result } = await runWith({
    load: closedLoop([1, 2]),
    dataset: {
      async *sessions(reading) {
        if (++reads > 1) throw new Error("The disk is gone");
        yield* items("a", "b").sessions(reading);
      },
    },
  });
  assert.deepEqual(result.stages.map(({ counts }) => counts.ok), [2]);
  assert.match(String(result.error), /The disk is gone/);
  assert.equal(result.interrupted, true);
});

Deno.test("runStages() reports what there is when arrivals or the end of a session fail", async () => {
  const broken: LoadProfile = function* () {
    yield {
      name: "broken",
      load: {},
      arrivals: (function* () {
        yield* [0, 1];
        throw new Error("No more");
      })(),
    };
  };
  const byArrivals = await runWith({ load: broken });
  assert.match(String(byArrivals.result.error), /No more/);
  assert.equal(byArrivals.samples.length, 2);
  const endSession = () => {
    throw new Error("No end");
  };
  const byEnd = await runWith({ backend: answering(10, { endSession }) });
  assert.match(String(byEnd.result.error), /No end/);
  assert.equal(byEnd.samples.length, 1);
});

Deno.test("runStages() starts its clock with the first request that may be sent", async () => {
  const clock = manualClock();
  const { samples, loadingMs } = await runWith({
    clock,
    backend: answering(10, {
      prepare: () => clock.sleepUntil(300).then(() => undefined),
    }),
  });
  assert.equal(loadingMs, 300);
  assert.equal(samples[0]?.dispatchedMs, 0);
});

function never(): AbortSignal {
  return new AbortController().signal;
}

Deno.test("runStages() opens the connections of a stage before it begins", async () => {
  const counts: number[] = [];
  const connect = (count: number) => {
    counts.push(count);
    return Promise.resolve(Array<number>(count).fill(2));
  };
  const runs: [LoadProfile, Pick<EngineOptions, "shard">][] = [
    [closedLoop([3, 5000]), {}],
    [closedLoop([5]), { shard: { index: 1, count: 2 } }],
    [evenLoop([2.5, 1000]), {}],
    [evenLoop([20], { maxInFlight: 4 }), {}],
  ];
  const opened: (number | undefined)[] = [];
  for (const [load, more] of runs) {
    const { result } = await runWith({
      backend: answering(10, { connect }),
      load,
      stop: { requests: 2 },
      ...more,
    });
    opened.push(...result.stages.map(({ client }) => client.connectAhead?.n));
  }
  assert.deepEqual(counts, [3, 4096, 2, 3, 256, 4]);
  assert.deepEqual(opened, counts);
});

for (
  const [what, connect] of [
    ["rejects", () => Promise.reject(new Error("No"))],
    ["throws", () => {
      throw new Error("No");
    }],
    ["opens none", () => Promise.resolve([])],
  ] as const
) {
  Deno.test(`runStages() runs a stage whose backend ${what} when it connects`, async () => {
    const { result, samples } = await runWith({
      backend: answering(10, { connect }),
    });
    assert.equal(samples.length, 3);
    assert.equal(result.stages[0]!.client.connectAhead, undefined);
  });
}

Deno.test("runStages() begins no stage when it is interrupted while connections open", async () => {
  const interrupt = new AbortController();
  const { result, samples, loadingMs } = await runWith({
    backend: answering(10, {
      connect() {
        interrupt.abort(new Error("Ctrl-C"));
        return new Promise(() => {});
      },
    }),
    signal: interrupt.signal,
  });
  assert.deepEqual([result.stages, samples, loadingMs], [[], [], undefined]);
  assert.equal(result.interrupted, true);
});

Deno.test("runStages() counts arrivals that still waited for the data when the stage ended", async () => {
  const { result } = await runWith({
    dataset: {
      async *sessions({ signal }) {
        yield { id: "only", turns: [{ columns: { text: "hello" } }] };
        await untilAbort(signal);
      },
    },
    load: evenLoop([10]),
    stop: { durationMs: 1000 },
  });
  const [{ counts }] = result.stages as [StageReport];
  assert.deepEqual([counts.ok, counts.dropped], [1, 9]);
});

function untilAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
