import assert from "node:assert/strict";
import fc from "fast-check";
import { sample } from "../../tests/support/sample.ts";
import type { Sample } from "../sample.ts";
import { RateSums } from "./rates.ts";

const near = (actual: number | undefined, expected: number) =>
  assert.ok(
    Math.abs(actual! - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${actual} is not ${expected}`,
  );

/** Rates of samples over the window [1000, 3000]. */
function rates(samples: readonly Sample[], isGood?: (s: Sample) => boolean) {
  const sums = new RateSums({ startMs: 1000, endMs: 3000 }, isGood);
  for (const each of samples) sums.add(each);
  return sums.rates(2000);
}

const streamed = (times: readonly number[], outputTokens?: number) => ({
  deltas: times.map((atMs) => ({ atMs, kind: "text" as const, text: "a" })),
  output: outputTokens === undefined ? {} : { usage: { outputTokens } },
});

Deno.test("a closed loop in a steady state makes N ÷ latency requests a second, whatever the window is", () => {
  const loop = fc.record({
    streams: fc.integer({ min: 1, max: 20 }),
    latencyMs: fc.integer({ min: 1, max: 7000 }),
    startMs: fc.integer({ min: 0, max: 5000 }),
    windowMs: fc.integer({ min: 1, max: 9000 }),
  });
  fc.assert(
    fc.property(loop, ({ streams, latencyMs, startMs, windowMs }) => {
      const endMs = startMs + windowMs;
      const sums = new RateSums({ startMs, endMs });
      for (let i = 0; i < streams; i++) {
        let atMs = -latencyMs * i / streams;
        for (; atMs < endMs; atMs += latencyMs) {
          sums.add(sample({ dispatchedMs: atMs, endedMs: atMs + latencyMs }));
        }
      }
      near(
        sums.rates(windowMs).requestsPerSecond,
        streams / (latencyMs / 1000),
      );
    }),
    { numRuns: 200 },
  );
});

Deno.test("a request counts with the part of its service time that lies in the window", () => {
  const at = (dispatchedMs: number, endedMs: number) =>
    rates([sample({ dispatchedMs, endedMs })]).requestsPerSecond;
  near(at(1500, 2500), 0.5);
  near(at(500, 1500), 0.25);
  near(at(2900, 3300), 0.125);
  near(at(0, 4000), 0.25);
  near(at(0, 999), 0);
  near(at(3001, 3500), 0);
  near(at(2000, 2000), 0.5);
});

Deno.test("tokens count by the read that carried them, of requests of every outcome", () => {
  const times = [900, 1000, 2000, 3100];
  const answer = { dispatchedMs: 500, endedMs: 3200, ...streamed(times, 8) };
  near(rates([sample(answer)]).outputTokensPerSecond, 2);
  const failed = sample({
    ...answer,
    phase: "warmup",
    outcome: { status: "error", failure: { class: "closed", message: "" } },
  });
  near(rates([failed]).outputTokensPerSecond, 2);
  assert.equal(rates([failed]).requestsPerSecond, 0);
});

Deno.test("tokens that nobody counted count by their deltas", () => {
  const answer = streamed([900, 1000, 2000]);
  const cut = { dispatchedMs: 500, endedMs: 3200, ...answer };
  near(rates([sample(cut)]).outputTokensPerSecond, 1);
});

Deno.test("tokens of an answer that came at once are spread over its service time", () => {
  const whole = { dispatchedMs: 0, endedMs: 2000, ...streamed([2000], 8) };
  near(rates([sample(whole)]).outputTokensPerSecond, 2);
});

Deno.test("goodput counts what met the objectives; it is absent without any", () => {
  const all = [
    sample({ id: 1, dispatchedMs: 1000, endedMs: 2000 }),
    sample({ id: 2, dispatchedMs: 1000, endedMs: 2000 }),
  ];
  assert.equal("goodput" in rates(all), false);
  near(rates(all, ({ id }) => id === 1).goodput, 0.5);
  near(rates(all, () => false).goodput, 0);
});

Deno.test("what was not observed has no rate, and an empty window has none at all", () => {
  const { requestsPerSecond, ...others } = rates([sample({})]);
  assert.equal(requestsPerSecond, 0);
  assert.deepEqual(others, {});
  assert.deepEqual(new RateSums({ startMs: 0, endMs: 0 }).rates(0), {});
});

Deno.test("intervals of rates lie around them, whatever the window begins and ends with", () => {
  const sums = new RateSums({ startMs: 1000, endMs: 21_000 }, () => true);
  for (let id = 0; id < 230; id++) {
    const endedMs = 500 + id * 100 + 37 * (id % 5);
    sums.add(sample({
      id,
      dispatchedMs: endedMs - 300,
      endedMs,
      input: { audioMs: 3000 },
      output: { usage: { inputTokens: 7, outputTokens: 20 } },
    }));
  }
  const rates = sums.rates(20_000), intervals = sums.intervals(20_000, 0.95);
  assert.deepEqual(Object.keys(intervals).sort(), Object.keys(rates).sort());
  for (const [name, { lower, upper }] of Object.entries(intervals)) {
    const rate = rates[name as keyof typeof rates]!;
    assert.ok(lower < rate && rate < upper, name);
    assert.ok(upper < 1.2 * rate, name);
  }
});

Deno.test("few requests have no intervals of rates", () => {
  const sums = new RateSums({ startMs: 0 });
  for (let id = 0; id < 9; id++) sums.add(sample({ id, endedMs: id * 1000 }));
  assert.deepEqual(sums.intervals(9000, 0.95), {});
});
