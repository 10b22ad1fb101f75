import assert from "node:assert/strict";
import type { Report, Sample } from "../../plugins/mod.ts";
import { stageOf, testRun } from "../../plugins/testing/reporter.ts";
import { failedSample, goodSample } from "../../tests/support/samples.ts";
import { PageCollector } from "./page_data.ts";
import { LIMITS } from "./stage_details.ts";

const { info, report } = testRun();

/** Requests of one stage: most answered after about 100 ms, a few very late, some failed. */
function manySamples(count: number, stage = 0): Sample[] {
  return Array.from({ length: count }, (_, id): Sample => {
    const at = id * 10;
    const ms = id % 997 === 500 ? 5000 + id : 100 + id % 50;
    const isFailed = id % 100 === 99;
    return {
      ...(isFailed ? failedSample : goodSample),
      id,
      stage,
      phase: "measure",
      audioSent: [],
      marks: {},
      scheduledMs: at,
      dispatchedMs: at,
      deltas: isFailed ? [] : [{ atMs: at + ms / 2, kind: "text", text: "x" }],
      endedMs: at + ms,
    };
  });
}

function collected(samples: readonly Sample[]): PageCollector {
  const page = new PageCollector();
  page.start(info);
  for (let i = 0; i < samples.length; i += 100) {
    page.samples(samples.slice(i, i + 100));
  }
  return page;
}

Deno.test("PageCollector has the same data for the same samples in any order", () => {
  const samples = manySamples(3000);
  assert.deepEqual(
    collected(samples.toReversed()).data(report),
    collected(samples).data(report),
  );
});

Deno.test("PageCollector keeps the first, the failed and the slowest requests, and counts all", () => {
  const samples = manySamples(5000);
  const { details } = collected(samples).data(report).stages[0]!;
  const ids = new Set(details!.requests.map(({ id }) => id));
  for (let id = 0; id < LIMITS.first; id++) assert.ok(ids.has(id), `${id}`);
  for (const id of [500, 1497, 2494, 3491, 4488]) assert.ok(ids.has(id));
  assert.ok(ids.has(99 + 100 * 40), "a failed one of many");
  assert.ok(ids.size < 800);
  const n = details!.histograms["latency"]!.counts.reduce((a, b) => a + b, 0);
  assert.equal(n, 4950);
});

Deno.test("PageCollector has a page of a report without samples", () => {
  const [stage] = new PageCollector().data(report).stages;
  assert.equal(stage!.details, undefined);
  assert.equal(stage!.report!.name, "1 stream");
});

Deno.test("PageCollector has a page of a run that goes on", () => {
  const page = collected(manySamples(10));
  page.samples(manySamples(5, 1));
  page.stage(stageOf([]));
  page.progress(testRun().progress);
  const { stages, progress, end } = page.data();
  assert.equal(stages.length, 2);
  assert.equal(stages[1]!.report, undefined);
  assert.equal(stages[1]!.details!.requests.length, 5);
  assert.equal(progress!.inFlight, 1);
  assert.equal(end, undefined);
});

Deno.test("PageCollector has the words of an utterance that are wrong", () => {
  const input = { audioMs: 1000, reference: "One, two three." };
  const output = { text: "one too three four" };
  const { details } = collected([{ ...goodSample, input, output }])
    .data(report).stages[0]!;
  assert.deepEqual(details!.utterances[0]!.words, [
    ["same", "one"],
    ["substituted", "two", "too"],
    ["same", "three"],
    ["inserted", "four"],
  ]);
});

Deno.test("PageCollector with less detail keeps the extremes of requests and of the series", () => {
  const list = Array.from({ length: 1000 }, (_, i) => i === 777 ? 99 : 1);
  const stage = {
    ...report.stages[0]!,
    series: {
      startMs: 0,
      widthMs: 1000,
      requestsPerSecond: list,
      errors: list,
      inFlight: list,
      ttft: { p50: list.map(() => null), p95: list },
    },
  };
  const whole: Report = { ...report, stages: [stage] };
  const page = collected(manySamples(3000));
  const [{ report: shown, details } = {}] =
    page.data(whole, { detail: 0.05 }).stages;
  assert.equal(shown!.series!.requestsPerSecond.length, 50);
  assert.equal(shown!.series!.widthMs, 20_000);
  assert.ok(shown!.series!.requestsPerSecond.includes(99));
  assert.deepEqual(new Set(shown!.series!.ttft!.p50), new Set([null]));
  assert.ok(details!.requests.length < 60);
  assert.ok(details!.requests.some(({ id }) => id === 2494), "the slowest");
});
