import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../lib/random.ts";
import {
  type SimulatedServer,
  simulateQueue,
  simulateSearch,
} from "../../tests/support/simulated_server.ts";
import { poissonArrivals } from "../arrivals.ts";
import type { Stage } from "../contract.ts";
import { isUsageError, RunEnded } from "../errors.ts";
import type { StageReport } from "../report.ts";
import type { Capacity } from "../run_results.ts";
import { parseSlos } from "../slo.ts";
import { searchCapacity, type SearchOptions } from "./search.ts";

const OPTIONS: SearchOptions = {
  of: "rate",
  from: 4,
  max: 100_000,
  process: "poisson",
  tolerance: 0.1,
  levelTimeMs: 60_000,
  maxTimeMs: 900_000,
  settleMs: 5000,
};

function plan(
  slos: readonly string[],
  seed = 1,
  options: Partial<SearchOptions> = {},
): Generator<Stage, Capacity, StageReport> {
  return searchCapacity(
    { ...OPTIONS, ...options },
    (purpose) => random(seed, purpose),
    { stop: {}, slos: parseSlos(slos), normalizer: "basic" },
  );
}

interface Case {
  readonly name: string;
  readonly server: SimulatedServer;
  /** Limit of the p95 latency. */
  readonly limitMs: number;
}

const CASES: readonly Case[] = [
  {
    name: "fixed service times",
    server: { seats: 8, serviceMs: () => 100 },
    limitMs: 250,
  },
  {
    name: "lognormal service times",
    server: {
      seats: 8,
      serviceMs: (draw) => 100 * Math.exp(0.5 * normal(draw) - 0.125),
    },
    limitMs: 400,
  },
  {
    name: "a knee from four requests on",
    server: {
      seats: 256,
      serviceMs: (draw, inSystem) =>
        (40 + 20 * draw()) * Math.max(1, inSystem / 4),
    },
    limitMs: 150,
  },
];

function normal(draw: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

/** Whether 5 % of the latencies at most are beyond the limit, in a long run at a rate. */
function isWithin({ server, limitMs }: Case, rate: number): boolean {
  const draw = random(7, "truth");
  let all = 0, beyond = 0;
  const requests = simulateQueue(server, poissonArrivals(rate, draw), draw);
  for (const { atMs, endMs } of requests) {
    if (endMs - atMs > 100 * limitMs) return false;
    if (endMs - atMs > limitMs) beyond++;
    if (++all === 100_000) break;
  }
  return beyond <= 0.05 * all;
}

/** The capacity, to half a percent. */
function capacityOf(each: Case): number {
  let low = 10, high = 400;
  while (high > 1.005 * low) {
    const middle = Math.sqrt(low * high);
    if (isWithin(each, middle)) low = middle;
    else high = middle;
  }
  return low;
}

for (const each of CASES) {
  Deno.test(`searchCapacity() finds the capacity of a server with ${each.name}, in 50 of 50 searches`, () => {
    const capacity = capacityOf(each);
    const slo = `latency.p95<${each.limitMs}ms`;
    let inside = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const { server } = each;
      const { low = 0, high = Infinity } = simulateSearch(plan([slo], seed), {
        server,
        seed,
      });
      if (low <= capacity && capacity < high) inside++;
      const middle = Math.sqrt(low * high);
      assert.ok(
        middle > 0.9 * capacity && middle < 1.1 * capacity,
        `seed ${seed}: [${low}, ${high}) is not around ${capacity}`,
      );
    }
    assert.ok(inside >= 45, `${inside} of 50 intervals hold ${capacity}`);
  });
}

Deno.test("searchCapacity() states nothing above a level at which the client was the limit", () => {
  const [{ server }] = CASES as [Case];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 5, max: 120 }),
      (seed, limit) => {
        const search = plan(["latency.p95<250ms"], seed);
        const isLimited = (level: number) => level >= limit;
        const { low = 0, high = 0, levels } = simulateSearch(search, {
          server,
          seed,
          isLimited,
        });
        assert.ok(low < limit && high < limit);
        assert.ok(
          levels.every(({ level, outcome }) =>
            !isLimited(level) || outcome === "client-limited"
          ),
        );
      },
    ),
    { numRuns: 10 },
  );
});

Deno.test("searchCapacity() ends when its time is spent, with the interval so far", () => {
  const [{ server }] = CASES as [Case];
  const search = plan(["latency.p95<250ms"], 1, { maxTimeMs: 200_000 });
  const { status, low, ended, levels } = simulateSearch(search, {
    server,
    seed: 1,
  });
  assert.equal(ended, "maxTime of 200 s was spent");
  assert.ok(status === "found" || status === "at-least");
  assert.ok(low! < 80 && levels.length < 8);
});

Deno.test("searchCapacity() lets the server rest, takes new data and warms up before each level", () => {
  const search = plan(["latency.p95<250ms"]);
  const first = search.next().value as Stage;
  assert.equal(first.name, "search 4/s");
  assert.deepEqual(first.load, {
    kind: "search",
    process: "poisson",
    ratePerSecond: 4,
  });
  assert.equal(first.settleMs, 5000);
  assert.equal(first.continuesData, true);
  assert.deepEqual(first.stop, { warmupMs: 5000, durationMs: 60_000 });
  const { value: second } = search.next({
    stopped: "duration",
    window: { stageStartMs: 0, startMs: 5000, endMs: 65_000, warmupMs: 5000 },
    metrics: { latency: { p95: 4000 } },
    counts: { ok: 0 },
    verdict: { status: "valid", reasons: [] },
  } as unknown as StageReport);
  assert.deepEqual((second as Stage).stop, {
    warmupMs: 8000,
    durationMs: 60_000,
  });
});

Deno.test("searchCapacity() returns what it found when the run is interrupted", () => {
  const search = plan(["latency.p95<250ms"], 1, { of: "concurrency" });
  search.next();
  const { done, value } = search.next({
    stopped: "interrupted",
    window: { stageStartMs: 0, startMs: 0, endMs: 10, warmupMs: 0 },
  } as unknown as StageReport);
  assert.ok(done);
  const { status, ended, levels } = value as Capacity;
  assert.deepEqual([status, ended, levels], [
    "undecided",
    "the run was interrupted",
    [{
      level: 4,
      stage: 0,
      outcome: "undecided",
      reason: "cut off by the end of the run",
    }],
  ]);
});

Deno.test("searchCapacity() returns what it found when the run ends between two levels", () => {
  const search = plan(["latency.p95<250ms"], 1, { of: "concurrency" });
  search.next();
  const { done, value } = search.throw(new RunEnded("the run was interrupted"));
  assert.ok(done);
  assert.equal((value as Capacity).ended, "the run was interrupted");
  const other = plan(["latency.p95<250ms"]);
  other.next();
  assert.throws(() => other.throw(new Error("a defect")), /a defect/);
});

Deno.test("searchCapacity() refuses a run without an objective", () => {
  assert.throws(() => plan([]).next(), (error) => {
    assert.ok(isUsageError(error));
    assert.match(error.message, /^search needs an objective to keep: .+--slo/);
    return true;
  });
});

Deno.test("searchCapacity() refuses a number of requests, which would end its levels", () => {
  const search = searchCapacity(OPTIONS, () => () => 0.5, {
    stop: { requests: 20 },
    slos: parseSlos(["latency.p95<250ms"]),
    normalizer: "basic",
  });
  assert.throws(
    () => search.next(),
    /^UsageError: search cannot have a number/,
  );
});
