import assert from "node:assert/strict";
import fc from "fast-check";
import type { Stage, StageReport } from "../plugins/mod.ts";
import { random } from "../plugins/mod.ts";
import { testLoad } from "../plugins/testing/mod.ts";
import { openLoad } from "../tests/support/offered_load.ts";
import { sweep, type SweepOptions } from "./sweep.ts";

/** A report of a stage of 10 s whose server answers `answered` of the requests a second that were due. */
function reportOf({ load }: Stage, answered: (due: number) => number) {
  const due = load.ratePerSecond as number ?? load.concurrency as number;
  const perSecond = answered(due);
  return {
    counts: {
      ok: 10 * due,
      error: 0,
      timeout: 0,
      cancelled: 0,
      dropped: 0,
      warmup: 0,
    },
    rates: { requestsPerSecond: perSecond },
    window: { stageStartMs: 0, startMs: 0, endMs: 10_000, warmupMs: 0 },
  } as unknown as StageReport;
}

/** A server that answers at most 40 requests a second, and 5 of a single stream. */
const upTo40 = (due: number) => due === 1 ? 5 : Math.min(40, due);

testLoad(sweep({ points: 4 }), {
  invalid: [
    sweep({ points: 0 }),
    sweep({ maxInFlight: 0 }),
  ],
  report: (stage) => reportOf(stage, upTo40),
});

async function stagesOf(
  options: SweepOptions,
  answered = upTo40,
  stop = {},
): Promise<Stage[]> {
  const profile = await openLoad(sweep(options));
  const plan = profile((purpose) => random(1, purpose), {
    stop,
    slos: [],
    normalizer: "basic",
  });
  const stages: Stage[] = [];
  let step = plan.next();
  while (!step.done) {
    stages.push(step.value);
    step = plan.next(reportOf(step.value, answered));
  }
  return stages;
}

const names = (stages: readonly Stage[]) => stages.map(({ name }) => name);

Deno.test("sweep() offers rates from that of one request at a time to the largest throughput", async () => {
  assert.deepEqual(names(await stagesOf({ points: 5 })), [
    "sweep: one at a time",
    "sweep: throughput, 256 in flight",
    "sweep 12/s",
    "sweep 19/s",
    "sweep 26/s",
    "sweep 33/s",
    "sweep 40/s",
  ]);
  assert.deepEqual(
    names(await stagesOf({ points: 3, spacing: "logarithmic" })).slice(2),
    ["sweep 10/s", "sweep 20/s", "sweep 40/s"],
  );
});

Deno.test("sweep() offers ascending rates between the two that it measured, up to the throughput", async () => {
  const cases = fc.record({
    points: fc.integer({ min: 1, max: 1000 }),
    spacing: fc.constantFrom("linear" as const, "logarithmic" as const),
    low: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    ratio: fc.double({ min: 1.001, max: 1000, noNaN: true }),
  });
  const rounded = (rate: number) => Number(rate.toPrecision(3));
  await fc.assert(
    fc.asyncProperty(cases, async ({ points, spacing, low, ratio }) => {
      const high = low * ratio;
      const stages = await stagesOf(
        { points, spacing, maxInFlight: 2, pastKnee: true },
        (due) => due === 1 ? low : high,
      );
      const rates = stages.slice(2).map(({ load }) =>
        load.ratePerSecond as number
      );
      const shares = Array.from({ length: points }, (_, i) => (i + 1) / points);
      const wanted = shares.map((share) =>
        spacing === "linear"
          ? low + (high - low) * share
          : low * (high / low) ** share
      );
      assert.deepEqual(rates, [...new Set(wanted.map(rounded))]);
      assert.ok(rates.every((rate, i) => i === 0 || rate > rates[i - 1]!));
      assert.ok(rates[0]! >= rounded(low));
      assert.ok(Math.abs(rates.at(-1)! / high - 1) < 0.006);
    }),
  );
});

Deno.test("sweep() ends with the first rate that the server cannot keep up with, unless it is to go on", async () => {
  const slower = (due: number) =>
    due === 256 ? 40 : due === 1 ? 5 : Math.min(20, due);
  assert.deepEqual(names(await stagesOf({ points: 5 }, slower)).slice(2), [
    "sweep 12/s",
    "sweep 19/s",
    "sweep 26/s",
  ]);
  const all = await stagesOf({ points: 5, pastKnee: true }, slower);
  assert.equal(all.length, 7);
});

Deno.test("sweep() ends after two stages if many requests at a time are no faster than one", async () => {
  assert.equal((await stagesOf({}, () => 5)).length, 2);
  assert.equal((await stagesOf({}, () => 0)).length, 2);
});

Deno.test("sweep() measures each stage for 30 s unless the run has a duration or a number of requests", async () => {
  const stop = { durationMs: 30_000 };
  assert.ok(
    (await stagesOf({})).every((stage) =>
      stage.stop?.durationMs === stop.durationMs
    ),
  );
  for (const rules of [{ durationMs: 5000 }, { requests: 100 }]) {
    const stages = await stagesOf({}, upTo40, rules);
    assert.ok(stages.every((stage) => stage.stop === undefined));
  }
});
