import assert from "node:assert/strict";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import type { RunStopRules } from "../config.ts";
import type { Backend, Dataset } from "../contract.ts";
import { RequestError } from "../errors.ts";
import { runStages } from "../run.ts";
import type { Sample } from "../sample.ts";
import { parseSlos } from "../slo.ts";
import { searchCapacity, type SearchOptions } from "./search.ts";

/** A backend with seats; each takes `ms` for a request, on the run's clock. */
function seated(seats: number, ms: number): Backend {
  const freeMs = new Array<number>(seats).fill(0);
  return {
    needs: ["text"],
    async send(_request, { clock, signal, read, output }) {
      const seat = freeMs.indexOf(Math.min(...freeMs));
      const endMs = Math.max(clock.now(), freeMs[seat]!) + ms;
      freeMs[seat] = endMs;
      await clock.sleepUntil(endMs, signal);
      output(read(2), { kind: "text", text: "ok" });
      return {};
    },
  };
}

const failing: Backend = {
  needs: ["text"],
  send() {
    throw new RequestError("http_error", "500");
  },
};

/** Prompts without end, each with its number. */
const numbered: Dataset = {
  isEndless: true,
  async *sessions() {
    for (let i = 0;; i++) {
      yield { id: `${i}`, turns: [{ columns: { text: `${i}` } }] };
    }
  },
};

async function runSearch(
  backend: Backend,
  options: Partial<SearchOptions>,
  slos: readonly string[],
  stopRun: RunStopRules = {},
) {
  const clock = manualClock();
  const samples: Sample[] = [];
  let over = false;
  const running = runStages({
    backend,
    dataset: numbered,
    load: (stream, rules) =>
      searchCapacity(
        {
          of: "rate",
          from: 4,
          max: 64,
          process: "constant",
          tolerance: 0.1,
          levelTimeMs: 40_000,
          maxTimeMs: 600_000,
          settleMs: 2000,
          ...options,
        },
        stream,
        rules,
      ),
    stop: {},
    stopRun,
    slos: parseSlos(slos),
    seed: 1,
    normalizer: "basic",
    strict: false,
    clock,
    signal: new AbortController().signal,
    listener: {
      start() {},
      samples: (batch) => void samples.push(...batch),
      progress() {},
      stage() {},
      late() {},
      skip() {},
    },
  }).finally(() => over = true);
  await clock.settle();
  for (let steps = 0; !over; steps++) {
    assert.ok(steps < 50_000, "the run hangs");
    if (!await clock.tick()) await clock.settle();
  }
  return { ...await running, samples };
}

Deno.test("a search that a rule of the run ends has the interval so far, wherever it ends", async () => {
  for (const durationMs of [3000, 47_000, 49_000, 60_000, 100_000]) {
    const { capacities: [capacity], stages } = await runSearch(
      seated(4, 500),
      {},
      ["latency.p50<800ms"],
      { durationMs },
    );
    assert.match(capacity!.ended!, /^a stop rule of the run ended it$/);
    assert.equal(capacity!.levels.length, stages.length);
    const last = stages.at(-1)!.window;
    assert.ok(last.endMs <= durationMs + 500, `until ${last.endMs} ms`);
    assert.ok(last.startMs <= last.endMs);
    assert.equal(capacity!.low !== undefined, durationMs > 3000);
  }
});

Deno.test("a search of rates finds how much the seats of a server can take", async () => {
  // 4 seats of 500 ms take 8 requests a second.
  const { capacities, stages, samples } = await runSearch(
    seated(4, 500),
    {},
    ["latency.p50<800ms"],
  );
  const [{ status, low, high, levels }] = capacities as [
    typeof capacities[number],
  ];
  assert.equal(status, "found");
  assert.ok(low! <= 8 && 8 < high! && high! <= low! * 1.1);
  assert.equal(levels.length, stages.length);
  levels.forEach(({ stage }, i) => assert.equal(stage, i));
  assert.ok(
    stages.some(({ stopped }) => stopped === "decided"),
    "levels end as soon as they are decided",
  );
  const sessions = samples.map(({ session }) => session.id);
  assert.equal(
    new Set(sessions).size,
    sessions.length,
    "each level takes new data",
  );
  const pauses = stages.slice(1).map(({ window }, i) =>
    window.stageStartMs - stages[i]!.window.endMs
  );
  assert.ok(pauses.every((ms) => ms >= 2000), "each level begins after a rest");
});

Deno.test("a search of concurrency finds how many streams keep a server's latency", async () => {
  const { capacities: [found] } = await runSearch(
    seated(4, 500),
    { of: "concurrency", from: 2 },
    ["latency.mean<550ms", "errorRate<20%"],
  );
  assert.equal(found!.low, 4);
  assert.equal(found!.high, 5);
});

Deno.test("a search whose first level is missed says that the capacity is below it", async () => {
  const { capacities: [found], stages } = await runSearch(
    seated(4, 500),
    { settleMs: 0 },
    ["latency.p50<400ms"],
  );
  assert.equal(found!.status, "below");
  assert.equal(found!.high, 4);
  assert.equal(stages.length, 1);
});

Deno.test("a search ends at a server that answers nothing, or no longer", async () => {
  const never = await runSearch(failing, { settleMs: 0 }, ["errorRate<5%"]);
  const [nothing] = never.capacities;
  assert.equal(nothing!.status, "undecided");
  assert.match(nothing!.ended!, /^no request succeeded at 4 requests\/s: /);
  assert.equal(never.stages.length, 1);

  let answered = 0;
  const server = seated(4, 500);
  const dying: Backend = {
    ...server,
    send(request, call) {
      return ++answered > 150 ? failing.send(request, call) : server.send(
        request,
        call,
      );
    },
  };
  const { capacities: [found] } = await runSearch(
    dying,
    { settleMs: 0 },
    ["latency.p50<800ms"],
  );
  assert.deepEqual([found!.status, found!.low], ["at-least", 4]);
  assert.match(found!.ended!, /^no request succeeded at 4 requests\/s: /);
  assert.deepEqual(found!.levels.slice(-2).map(({ outcome }) => outcome), [
    "failed",
    "failed",
  ]);
});

Deno.test("a search ends if no request has a value of what an SLO limits", async () => {
  const { capacities: [found], stages } = await runSearch(
    seated(4, 500),
    { settleMs: 0 },
    ["latency.p50<800ms", "wer<8%"],
  );
  assert.equal(found!.status, "undecided");
  assert.equal(found!.ended, "no request has a value of wer");
  assert.equal(stages.length, 1);
});
