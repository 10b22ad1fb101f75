import assert from "node:assert/strict";
import fc from "fast-check";
import { sample } from "../../tests/support/sample.ts";
import type { NoteSums } from "../notes.ts";
import { Tally } from "../progress.ts";
import { Quality } from "../quality.ts";
import type { StageReport, Summary } from "../report.ts";
import type { Outcome, Sample } from "../sample.ts";
import { Histogram } from "../statistics/histogram.ts";
import { Column } from "./column.ts";
import { Digest } from "./digest.ts";

/** Items, each with the part that it belongs to. */
function partitioned<T>(item: fc.Arbitrary<T>, maxLength: number) {
  return fc.array(fc.tuple(item, fc.nat(4)), { maxLength })
    .map((items) => ({
      whole: items.map(([item]) => item),
      parts: [...Map.groupBy(items, ([, part]) => part).values()]
        .map((part) => part.map(([item]) => item)),
    }));
}

const number = fc.oneof(
  fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
);

/** Every number is the same but for rounding. */
function assertSameNumbers(actual: unknown, expected: unknown): void {
  const [one, other] = [numbersIn(actual), numbersIn(expected)];
  assert.deepEqual(one.map(([path]) => path), other.map(([path]) => path));
  one.forEach(([path, value], i) => {
    const whole = other[i]![1];
    const error = 1e-9 * Math.max(1, Math.abs(whole));
    assert.ok(Math.abs(value - whole) <= error, `${path}: ${value}, ${whole}`);
  });
}

function numbersIn(value: unknown, path = ""): [string, number][] {
  if (typeof value === "number") return [[path, value]];
  return Object.entries(value ?? {}).flatMap(([key, part]) =>
    numbersIn(part, `${path}.${key}`)
  );
}

/** Everything is equal but for the rounding of mean and deviation. */
function assertSameSummary(actual?: Summary, expected?: Summary): void {
  if (!actual || !expected) return assert.equal(actual, expected);
  const { mean, sd, ...others } = actual;
  const { mean: wholeMean, sd: wholeSd, ...wholeOthers } = expected;
  assert.deepEqual(others, wholeOthers);
  const scale = Math.max(1, Math.abs(actual.min), Math.abs(actual.max));
  assert.ok(Math.abs(mean - wholeMean) <= 1e-9 * scale, "mean");
  assert.ok(Math.abs((sd ?? 0) - (wholeSd ?? 0)) <= 1e-9 * scale, "sd");
  assert.equal(sd === undefined, wholeSd === undefined);
}

Deno.test("Column.merge() gives the summary of the whole, for any partition", () => {
  const cases = fc.tuple(
    partitioned(number, 120),
    fc.integer({ min: 1, max: 150 }),
  );
  fc.assert(fc.property(cases, ([{ whole, parts }, exact]) => {
    const filled = (values: readonly number[]) => {
      const column = new Column(exact);
      for (const value of values) column.add(value);
      return column;
    };
    const merged = new Column(exact);
    for (const part of parts) merged.merge(filled(part));
    const expected = filled(whole);
    assertSameSummary(merged.summary(), expected.summary());
    for (const p of [0, 0.123, 0.5, 0.777, 1]) {
      assert.equal(merged.quantile(p), expected.quantile(p));
    }
    merged.add(1);
    expected.add(1);
    assertSameSummary(merged.summary(), expected.summary());
  }));
});

Deno.test("Histogram.merge() counts as the whole, for any partition", () => {
  fc.assert(fc.property(partitioned(number, 80), ({ whole, parts }) => {
    const filled = (values: readonly number[]) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      return histogram;
    };
    const merged = new Histogram();
    for (const part of parts) merged.merge(filled(part));
    const expected = filled(whole);
    for (let rank = 0; rank <= whole.length; rank++) {
      assert.equal(merged.valueAt(rank), expected.valueAt(rank));
    }
  }));
});

const failure = fc.record({
  class: fc.constantFrom("connect_error", "server_error", "idle_timeout"),
  code: fc.constantFrom("EMFILE", "503", "x"),
  message: fc.string({ maxLength: 4 }),
});

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Outcome>({ status: "ok" }) },
  failure.map((failure): Outcome => ({ status: "error", failure })),
  failure.map((failure): Outcome => ({ status: "timeout", failure })),
);

const text = fc.constantFrom("", "one two", "one three", "two ".repeat(200));

const observed: fc.Arbitrary<Omit<Sample, "id">> = fc.record({
  phase: fc.constantFrom<Sample["phase"]>("warmup", "measure", "measure"),
  endedMs: fc.integer({ min: 1, max: 200_000 }).map((n) => n / 100),
  outcome,
  retried: fc.nat(2),
  audioMs: fc.integer({ min: 1, max: 9000 }),
  reference: text,
  said: text,
  counts: fc.option(
    fc.record({
      outputTokens: fc.integer({ min: 1, max: 50 }),
      countedBy: fc.constantFrom({}, { output: "deltas" as const }),
    }),
    { nil: undefined },
  ),
  chunk: fc.double({ min: 0, max: 9, noNaN: true }),
  client: fc.record({
    sendingMs: fc.nat(3),
    firstTokenMs: fc.nat(3),
    endMs: fc.nat(3),
  }),
  dispatchedMs: fc.nat(3),
}).map((
  { audioMs, reference, said, counts: usage, chunk, retried, ...parts },
) =>
  sample({
    ...parts,
    ...(retried > 0 && { retried }),
    input: { audioMs, reference },
    output: { text: said, ...(usage && { usage }) },
    deltas: [1, 2, 2 + chunk].map((atMs) => ({
      atMs,
      kind: "text",
      text: "x",
    })),
    audioSent: [
      { dueMs: 0, atMs: chunk, endMs: 80 },
      { dueMs: 80, atMs: 80 + chunk, endMs: 160 },
    ],
  })
);

const samples = fc.array(observed, { maxLength: 40 }).chain((all) =>
  fc.array(fc.nat(3), { minLength: all.length, maxLength: all.length }).map((
    places,
  ) => {
    const whole = all.map((one, id): Sample => ({ ...one, id }));
    const parts = [0, 1, 2, 3].map((part) =>
      // Requests end in another order than that of their ids.
      whole.filter((_, i) => places[i] === part).toReversed()
    );
    return { whole, parts };
  })
);

/** The findings that notes are made from. */
function findings({ coalescing, lengths, prompts, overflow }: NoteSums) {
  const { cut, other, exact, limited } = lengths;
  const { cachedShare, timesSent } = prompts;
  const { refused } = overflow;
  return [
    ...[coalescing.share, cut, other, exact, limited],
    ...[cachedShare, timesSent, refused],
  ];
}

function assertSameStage(
  actual: ReturnType<Digest["summary"]>,
  expected: ReturnType<Digest["summary"]>,
): void {
  const {
    metrics,
    client,
    rates,
    noteSums,
    withinRunIntervals,
    arrivals,
    series,
    ...others
  } = actual;
  assertSameNumbers(withinRunIntervals, expected.withinRunIntervals);
  assertSameNumbers(arrivals, expected.arrivals);
  assertSameNumbers(series, expected.series);
  assert.deepEqual(others, {
    counts: expected.counts,
    failures: expected.failures,
    ...(expected.warmupFailures && { warmupFailures: expected.warmupFailures }),
    quality: expected.quality,
    ...(expected.tokenCounts && { tokenCounts: expected.tokenCounts }),
  });
  assert.deepEqual(Object.keys(metrics), Object.keys(expected.metrics));
  for (const [name, summary] of Object.entries(metrics)) {
    assertSameSummary(summary, expected.metrics[name]);
  }
  assertSameSummary(client.scheduleLag, expected.client.scheduleLag);
  assertSameSummary(client.chunkLateness, expected.client.chunkLateness);
  assert.equal(client.chunkMs, expected.client.chunkMs);
  for (const name of ["ttftShare", "latencyShare"] as const) {
    assertSameSummary(client[name], expected.client[name]);
    assert.equal(client[name]?.maxAtMs, expected.client[name]?.maxAtMs);
    assert.deepEqual(client[name]?.added, expected.client[name]?.added);
  }
  assert.deepEqual(findings(noteSums), findings(expected.noteSums));
  for (const [name, rate] of Object.entries(expected.rates)) {
    const merged = rates[name as keyof StageReport["rates"]]!;
    assert.ok(Math.abs(merged - rate) <= 1e-9 * Math.abs(rate), name);
  }
}

Deno.test("Digest.merge() gives the report of the whole, with the message of the lowest request id, for any partition", () => {
  fc.assert(fc.property(samples, ({ whole, parts }) => {
    const filled = (all: readonly Sample[]) => {
      const digest = new Digest({
        startMs: 100,
        endMs: 1900,
        normalizer: "basic",
      });
      for (const each of all) digest.add(each);
      return digest;
    };
    const merged = filled([]);
    for (const part of parts) merged.merge(filled(part));
    const expected = filled(whole);
    assert.equal(merged.lastEndMs, expected.lastEndMs);
    const summary = merged.summary({ startMs: 100, endMs: 1900 });
    assertSameStage(summary, expected.summary({ startMs: 100, endMs: 1900 }));
    for (const { class: failureClass, code, message } of summary.failures) {
      const first = whole.find(({ phase, outcome }) =>
        phase === "measure" && outcome.status !== "ok" &&
        outcome.failure.class === failureClass && outcome.failure.code === code
      )!;
      assert.ok(first.outcome.status !== "ok");
      assert.equal(message, first.outcome.failure.message);
    }
  }));
});

Deno.test("Quality.merge() pools the errors of the whole, for any partition", () => {
  fc.assert(fc.property(samples, ({ whole, parts }) => {
    const filled = (all: readonly Sample[]) => {
      const quality = new Quality("basic");
      for (const each of all) quality.add(each);
      return quality;
    };
    const merged = filled([]);
    for (const part of parts) merged.merge(filled(part));
    assert.deepEqual(merged.result(), filled(whole).result());
  }));
});

Deno.test("Tally.merge() adds counts, requests in flight and rates, for any partition", () => {
  fc.assert(fc.property(samples, ({ whole, parts }) => {
    const filled = (all: readonly Sample[]) => {
      const tally = new Tally(0);
      tally.started();
      for (const each of all) {
        tally.started();
        tally.ended(each);
      }
      tally.dropped();
      return tally;
    };
    const merged = filled([]);
    for (const part of parts) merged.merge(filled(part));
    const expected = filled(whole);
    assert.deepEqual(merged.counts, {
      ...expected.counts,
      dropped: 1 + parts.length,
    });
    assert.equal(merged.inFlight, 1 + parts.length);
    assert.equal(
      merged.requestsPerSecond(2000),
      expected.requestsPerSecond(2000),
    );
  }));
});

Deno.test("Tally.merge() keeps the rate of the last seconds where parts were read at different times", () => {
  const [one, other] = [new Tally(0), new Tally(0)];
  for (let second = 1; second <= 20; second++) {
    for (const tally of [one, other]) {
      for (let i = 0; i < 10; i++) {
        tally.started();
        tally.ended(sample());
      }
    }
    one.requestsPerSecond(second * 1000);
    if (second % 2 === 0) other.requestsPerSecond(second * 1000);
  }
  one.merge(other);
  assert.equal(one.requestsPerSecond(20_000), 20);
});
