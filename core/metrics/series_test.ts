import assert from "node:assert/strict";
import fc from "fast-check";
import type { Sample } from "../sample.ts";
import { sample } from "../../tests/support/sample.ts";
import { SeriesBins } from "./series.ts";
import { metrics } from "./table.ts";

const valuesOf = (each: Sample) =>
  each.outcome.status === "ok" ? metrics.map(({ of }) => of(each)) : [];

function seriesOf(samples: readonly Sample[], endMs: number, startMs = 0) {
  const bins = new SeriesBins(startMs);
  for (const each of samples) bins.add(each, valuesOf(each));
  return bins.series(endMs);
}

const failed = {
  status: "error",
  failure: { class: "closed", message: "" },
} as const;

Deno.test("a series counts requests where they end, and tokens where they are read", () => {
  const series = seriesOf(
    [
      sample({
        dispatchedMs: 1500,
        endedMs: 3500,
        deltas: [1800, 2100, 2200, 3400].map((atMs) => ({
          atMs,
          kind: "text",
          text: "x",
        })),
        output: { usage: { outputTokens: 8 } },
        client: { endMs: 0.5, firstTokenMs: 0.25, sendingMs: 0.25 },
      }),
      sample({ dispatchedMs: 1000, endedMs: 3900 }),
      sample({ dispatchedMs: 2000, endedMs: 2500, outcome: failed }),
    ],
    5000,
    1000,
  )!;
  assert.deepEqual(series, {
    startMs: 1000,
    widthMs: 1000,
    requestsPerSecond: [0, 0, 2, 0],
    errors: [0, 1, 0, 0],
    inFlight: [1.5, 2.5, 1.4, 0],
    outputTokensPerSecond: [2, 4, 2, 0],
    ttft: { p50: [null, null, 301, null], p95: [null, null, 301, null] },
    itl: { p50: [null, null, 301, null], p95: [null, null, 1204, null] },
    latency: { p50: [null, null, 2004, null], p95: [null, null, 2904, null] },
    clientShare: { p95: [null, null, 0.502, null] },
  });
});

Deno.test("a stage without requests has no series", () => {
  assert.equal(seriesOf([], 5000), undefined);
});

Deno.test("a long stage has longer intervals, at most a thousand", () => {
  const samples = Array.from(
    { length: 500 },
    (_, i) =>
      sample({ id: i, dispatchedMs: i * 7000, endedMs: i * 7000 + 1000 }),
  );
  const series = seriesOf(samples, 3_500_000)!;
  assert.equal(series.widthMs, 4000);
  assert.equal(series.inFlight.length, 875);
  const requests = series.requestsPerSecond.map((rate) => rate * 4);
  assert.equal(requests.reduce((sum, n) => sum + n, 0), 500);
});

Deno.test("requests in flight add up to the time that requests took, and parts to the whole", () => {
  const request = fc.tuple(fc.nat(2_000_000), fc.nat(20_000), fc.nat(2)).map(
    ([startUs, us, part]) => ({
      part,
      one: sample({
        dispatchedMs: startUs,
        endedMs: startUs + us / 8,
        deltas: [{ atMs: startUs + us / 16, kind: "text", text: "x" }],
      }),
    }),
  );
  const requests = fc.array(request, { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(requests, (all) => {
    const whole = seriesOf(all.map(({ one }) => one), 0)!;
    const merged = new SeriesBins(0);
    for (const part of [2, 0, 1]) {
      const bins = new SeriesBins(0);
      for (const each of all.toReversed()) {
        if (each.part === part) bins.add(each.one, valuesOf(each.one));
      }
      merged.merge(bins);
    }
    assert.deepEqual(merged.series(0), whole);
    const busyMs = all.reduce(
      (sum, { one }) => sum + one.endedMs - one.dispatchedMs,
      0,
    );
    const areaMs = whole.inFlight.reduce((sum, n) => sum + n, 0) *
      whole.widthMs;
    assert.ok(Math.abs(areaMs - busyMs) <= 1 + 1e-3 * busyMs);
  }));
});

Deno.test("times that a backend made up do not stretch a series", () => {
  const series = seriesOf([
    sample({
      endedMs: 1000,
      deltas: [NaN, 1e15].map((atMs) => ({ atMs, kind: "text", text: "x" })),
    }),
    sample({ endedMs: NaN }),
  ], 2000)!;
  assert.deepEqual(series.outputTokensPerSecond, [0, 2]);
});
