import assert from "node:assert/strict";
import fc from "fast-check";
import type { Progress } from "../../plugins/mod.ts";
import { sample } from "../../tests/support/sample.ts";
import { quantileOf } from "./distribution.ts";
import { LiveStats } from "./live_stats.ts";

const SNAPSHOT: Progress = {
  atMs: 8000,
  stage: 0,
  name: "8 streams",
  phase: "measure",
  inFlight: 8,
  counts: { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 0 },
  requestsPerSecond: 2,
  medians: {},
};

/** A request of a stage that ended at a time after a latency. */
function ended(endedMs: number, latencyMs: number, stage = 0) {
  const dispatchedMs = endedMs - latencyMs;
  return sample({
    stage,
    dispatchedMs,
    endedMs,
    deltas: [0.5, 1].map((part) => ({
      kind: "text",
      text: "a",
      atMs: dispatchedMs + part * latencyMs,
    })),
    client: { sendingMs: 1, firstTokenMs: latencyMs / 100, endMs: 0 },
  });
}

function failed(endedMs: number, name: string, id = 0) {
  return sample({
    id,
    endedMs,
    outcome: {
      status: "error",
      failure: { class: name, message: `${name} ${id}` },
    },
  });
}

/** The quantile of a metric, to the accuracy of a histogram. */
function quantile(stats: LiveStats, name: string, p: number) {
  const found = stats.state()?.recent.find(({ metric }) =>
    metric.name === name
  );
  const value = found && quantileOf(found.values, p);
  return value && Number(value.toPrecision(2));
}

Deno.test("LiveStats has nothing to show before the first state of the engine", () => {
  const stats = new LiveStats();
  stats.samples([ended(1000, 100)]);
  assert.equal(stats.state(), undefined);
});

Deno.test("LiveStats gives percentiles of the requests that ended in the last seconds", () => {
  const stats = new LiveStats({ spanMs: 10_000, sliceMs: 1000 });
  stats.samples([ended(500, 400), ended(2500, 200), ended(2600, 200)]);
  stats.progress({ ...SNAPSHOT, atMs: 3000 });
  assert.equal(quantile(stats, "latency", 1), 400);
  assert.equal(quantile(stats, "latency", 0.5), 200);
  assert.equal(quantile(stats, "ttft", 0.5), 100);
  assert.equal(quantile(stats, "itl", 0.5), 100);
  assert.equal(quantile(stats, "finalization", 0.5), undefined);
  stats.progress({ ...SNAPSHOT, atMs: 10_500 });
  assert.equal(quantile(stats, "latency", 1), 200, "the first is too old");
  stats.progress({ ...SNAPSHOT, atMs: 60_000 });
  assert.deepEqual(stats.state()?.recent, []);
});

Deno.test("LiveStats adds the tokens of the last seconds, over the time that they cover", () => {
  const stats = new LiveStats();
  stats.samples([ended(1500, 1000), ended(4000, 1000)]);
  stats.progress({ ...SNAPSHOT, atMs: 4500 });
  const { spanMs, outputTokensPerSecond } = stats.state()!;
  assert.equal(spanMs, 4000, "since the first request started");
  assert.equal(outputTokensPerSecond, 1);
});

Deno.test("LiveStats bounds the client's share of the TTFT", () => {
  const stats = new LiveStats();
  stats.samples(Array.from({ length: 20 }, () => ended(1000, 100)));
  stats.progress({ ...SNAPSHOT, atMs: 1000 });
  const { of, n, p95, share } = stats.state()!.clientShare!;
  assert.deepEqual([of.name, n], ["ttft", 20]);
  assert.ok(Math.abs(p95 - 2) < 0.02);
  assert.ok(Math.abs(share! - 0.04) < 0.001);
});

Deno.test("LiveStats counts failures of the stage, and of the last seconds by class", () => {
  const stats = new LiveStats();
  stats.samples([
    failed(100, "closed", 7),
    failed(200, "closed", 3),
    failed(30_000, "server_error", 9),
  ]);
  stats.progress({ ...SNAPSHOT, atMs: 30_500 });
  const { failures, recentFailures, recent } = stats.state()!;
  assert.deepEqual(failures, [
    { class: "closed", message: "closed 3", count: 2 },
    { class: "server_error", message: "server_error 9", count: 1 },
  ]);
  assert.deepEqual([...recentFailures], [["server_error", 1]]);
  assert.deepEqual(recent, [], "failures have no metrics");
});

Deno.test("LiveStats begins again with each stage", () => {
  const stats = new LiveStats();
  stats.samples([ended(900, 100), failed(950, "closed")]);
  stats.progress({ ...SNAPSHOT, atMs: 1000, remainingMs: 9000 });
  stats.progress({ ...SNAPSHOT, atMs: 1100, stage: 1, remainingMs: 1000 });
  assert.deepEqual(stats.state()!.recent, []);
  assert.deepEqual(stats.state()!.failures, []);
  assert.equal(stats.state()!.done, 0);
  stats.samples([ended(1200, 50, 1), ended(1200, 500, 0)]);
  assert.equal(quantile(stats, "latency", 1), 50, "the stage before has ended");
});

Deno.test("LiveStats gives the part that is done: by time or by requests, whichever is more", () => {
  const stats = new LiveStats();
  assert.equal(stats.state()?.done, undefined);
  stats.progress({ ...SNAPSHOT });
  assert.equal(stats.state()?.done, undefined);
  stats.progress({ ...SNAPSHOT, remainingMs: 10_000, remainingRequests: 100 });
  assert.equal(stats.state()?.done, 0);
  stats.progress({ ...SNAPSHOT, remainingMs: 9000, remainingRequests: 52 });
  assert.equal(stats.state()?.done, 0.4, "8 requests are in flight");
  stats.progress({ ...SNAPSHOT, remainingMs: 1000, remainingRequests: 52 });
  assert.equal(stats.state()?.done, 0.9);
});

Deno.test("LiveStats keeps any times and any failures in bounded memory", () => {
  const time = fc.double();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(time, time, fc.string()), { maxLength: 300 }),
      (requests) => {
        const stats = new LiveStats();
        for (const [endedMs, latencyMs, name] of requests) {
          stats.samples([ended(endedMs, latencyMs), failed(endedMs, name)]);
        }
        stats.progress({ ...SNAPSHOT, atMs: 1e6 });
        const { recentFailures, failures } = stats.state()!;
        assert.ok(recentFailures.size <= 1000);
        assert.ok(failures.length <= 10);
      },
    ),
    { numRuns: 50 },
  );
});
