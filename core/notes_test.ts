import assert from "node:assert/strict";
import { sample } from "../tests/support/sample.ts";
import { goodStage } from "../tests/support/report.ts";
import { Coalescing, notesOf, NoteSums } from "./notes.ts";

/** A sample whose deltas were read at these times. */
function read(times: readonly number[]) {
  return sample({
    deltas: times.map((atMs) => ({ atMs, kind: "text", text: "a" })),
  });
}

function coalescing(times: readonly number[], samples: number): Coalescing {
  const counted = new Coalescing();
  for (let i = 0; i < samples; i++) counted.add(read(times));
  return counted;
}

/** Sums with answers whose deltas were read at these times. */
function gathered(times: readonly number[], samples: number): NoteSums {
  const sums = new NoteSums();
  for (let i = 0; i < samples; i++) sums.add(read(times));
  return sums;
}

const { counts, metrics } = goodStage;
const latency = { ...metrics["latency"]!, n: 100, p95: 1000 };
const stage = {
  load: {},
  client: {},
  counts: { ...counts, ok: 100, error: 0, timeout: 0, cancelled: 0 },
  metrics: { latency },
  window: { stageStartMs: 0, startMs: 0, endMs: 60_000, warmupMs: 0 },
};

Deno.test("Coalescing counts deltas that share a read with another of the same answer", () => {
  assert.equal(coalescing([1, 2, 3, 4], 25).share, 0);
  assert.equal(coalescing([1, 1, 2, 3], 25).share, 0.5);
  assert.equal(coalescing([1, 1, 1, 1], 25).share, 1);
  assert.equal(coalescing([1, 1, 1, 1], 24).share, undefined, "too few");
  assert.equal(coalescing([1], 500).share, undefined, "answers of one delta");
});

Deno.test("Coalescing does not take the deltas of two answers for gathered ones", () => {
  const counted = new Coalescing();
  for (let i = 0; i < 50; i++) {
    counted.add(sample({
      deltas: [1, 2].flatMap((atMs) =>
        [0, 1].map((choice) => ({ atMs, kind: "text", text: "a", choice }))
      ),
    }));
  }
  assert.equal(counted.share, 0);
});

Deno.test("notesOf() says nothing of a long window in which each delta came alone", () => {
  assert.deepEqual(notesOf(stage, gathered([1, 2, 3, 4], 50)), []);
});

Deno.test("notesOf() names gathered deltas, short windows and requests that were cut off", () => {
  const cut = {
    ...stage,
    counts: { ...stage.counts, cancelled: 4 },
    window: { ...stage.window, endMs: 4000 },
  };
  assert.deepEqual(notesOf(cut, gathered([1, 1, 1, 1], 50)), [
    "100 % of deltas came in one read with others: a proxy or the server gathers the stream; ITL is not meaningful",
    "the window of 4 s is shorter than 5 times the p95 latency of 1 s: percentiles rest on few independent requests; measure longer",
    "4 % of requests were cut off at the end: requests/s is a lower bound; a longer drain lets them end",
  ]);
});

Deno.test("notesOf() calls a replay degraded whose lag is above the gaps between its requests", () => {
  const lag = (p99: number, n = 100) => ({ ...latency, n, p99 });
  const noted = (kind: string, scheduleLag = lag(700)) =>
    notesOf(
      { ...stage, load: { kind }, client: { scheduleLag } },
      new NoteSums(),
    );
  assert.deepEqual(noted("replay"), [
    "degraded replay: schedule lag p99 700 ms is above the mean gap of 600 ms between starts: short bursts were not sent as recorded; replay at a lower speed or from several machines",
  ]);
  assert.deepEqual(noted("poisson"), []);
  assert.deepEqual(noted("replay", lag(600)), []);
  assert.deepEqual(noted("replay", lag(700, 99)), [], "too few");
  const fast = {
    ...stage,
    window: { ...stage.window, endMs: 5000 },
    metrics: {},
  };
  const client = { scheduleLag: lag(0.9) };
  const counts = { ...stage.counts, ok: 10_000 };
  assert.deepEqual(
    notesOf(
      { ...fast, load: { kind: "replay" }, counts, client },
      new NoteSums(),
    ),
    [],
    "below 1 ms",
  );
});
