import assert from "node:assert/strict";
import fc from "fast-check";
import type { Delta, Sample } from "../sample.ts";
import { sample } from "../../tests/support/sample.ts";
import { clientMetrics, metrics, metricsOf, shareMetrics } from "./table.ts";

function valueOf(name: string, from: Sample) {
  const metric = [...metrics, ...clientMetrics, ...shareMetrics].find((one) =>
    one.name === name
  );
  assert.ok(metric, `no metric ${name}`);
  return metric.of(from);
}

/** Asserts several metrics of one sample at once. */
function hold(from: Sample, expected: Record<string, unknown>) {
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(valueOf(name, from), value, name);
  }
}

function text(atMs: number, text: string, more: Partial<Delta> = {}) {
  return { atMs, kind: "text", text, ...more } as const;
}

/** Three chunks of 100 ms: the last is 7 ms late, its text comes 30 ms after the end of the audio. */
const spoken = sample({
  scheduledMs: 90,
  dispatchedMs: 100,
  marks: {
    connected: 110,
    ready: 125,
    streamStart: 130,
    endSent: 438,
    final: 460,
  },
  audioSent: [
    { dueMs: 230, atMs: 231, endMs: 100 },
    { dueMs: 330, atMs: 330, endMs: 200 },
    { dueMs: 430, atMs: 437, endMs: 300 },
  ],
  input: { audioMs: 300 },
  deltas: [
    text(240, ""),
    text(250, "one"),
    text(260, ""),
    text(350, " two"),
    text(460, " three"),
  ],
  output: {
    text: "one two three",
    usage: { inputTokens: 12, outputTokens: 6 },
  },
  endedMs: 500,
});

/** Two reasoning deltas, then three of the answer, two of these in one read. */
const written = sample({
  scheduledMs: 0,
  dispatchedMs: 10,
  marks: { connected: 14, headers: 60 },
  deltas: [
    { atMs: 60, kind: "text", text: "" },
    { atMs: 70, kind: "reasoning", text: "hm" },
    { atMs: 90, kind: "reasoning", text: "so" },
    text(100, "The"),
    text(130, " answer"),
    text(130, " is"),
  ],
  output: { usage: { inputTokens: 100, outputTokens: 9 } },
  endedMs: 190,
});

Deno.test("metrics of a spoken request", () => {
  hold(spoken, {
    latency: 400,
    responseTime: 410,
    connect: 10,
    setup: 15,
    ttfb: undefined,
    firstEvent: 110,
    ttft: 120,
    ttftCold: 150,
    ttfo: 150,
    audioSeconds: 0.3,
    rtfxRequest: 0.75,
    finalization: 30,
    finalizationFromEnd: 22,
    deltaGap: [100, 110],
    inputTokens: 12,
    outputTokens: 6,
    scheduleLag: 10,
    chunkLateness: [1, 0, 7],
  });
});

Deno.test("metrics of a written request", () => {
  hold(written, {
    latency: 180,
    responseTime: 190,
    connect: 4,
    setup: undefined,
    ttfb: 50,
    firstEvent: 50,
    ttft: 60,
    ttftCold: 60,
    ttfo: 90,
    itl: [20, 10, 30, 0],
    tpot: 60 / 8,
    ntpot: 20,
    outputTokensPerSecond: 50,
    audioSeconds: undefined,
    rtfxRequest: undefined,
    finalization: undefined,
    finalizationFromEnd: undefined,
    deltaGap: undefined,
    revisions: undefined,
    scheduleLag: 10,
    chunkLateness: undefined,
  });
});

Deno.test("metrics of pace stay away where audio was streamed, as it is the speaker's", () => {
  hold(spoken, {
    itl: undefined,
    tpot: undefined,
    ntpot: undefined,
    outputTokensPerSecond: undefined,
  });
});

Deno.test("metrics of a reused connection have neither connect nor setup", () => {
  hold(sample({ marks: { ready: 5 } }), {
    connect: undefined,
    setup: undefined,
  });
});

Deno.test("metrics count from the dispatch where no stream was started", () => {
  const { streamStart: _, ...marks } = spoken.marks;
  hold({ ...spoken, marks }, { ttft: 150, ttftCold: 150, firstEvent: 140 });
});

Deno.test("metrics.ttft waits for output of any kind that is not empty", () => {
  const deltas = [
    text(10, ""),
    { atMs: 20, kind: "tool", text: "" },
    { atMs: 30, kind: "audio" },
    { atMs: 40, kind: "text" },
    { atMs: 50, kind: "reasoning", text: "a" },
    text(60, "b"),
  ] as const;
  hold(sample({ deltas }), {
    firstEvent: 10,
    ttft: 50,
    ttftCold: 50,
    ttfo: 60,
  });
  const kinds = [
    { atMs: 45, kind: "tool", text: "{" },
    { atMs: 45, kind: "audio", bytes: 2 },
    { atMs: 45, kind: "refusal", text: "no" },
  ] as const;
  for (const delta of kinds) {
    hold(sample({ deltas: [text(10, ""), delta, text(60, "b")] }), {
      ttft: 45,
      ttfo: 60,
    });
  }
  hold(sample({ deltas: deltas.slice(0, 4) }), {
    firstEvent: 10,
    ttft: undefined,
    ttftCold: undefined,
    ttfo: undefined,
    itl: undefined,
  });
});

Deno.test("metrics keep several answers to one request apart", () => {
  const deltas = [
    { ...text(100, "a"), choice: 0 },
    { ...text(110, "b"), choice: 1 },
    { ...text(140, "c"), choice: 0 },
    { ...text(170, "d"), choice: 1 },
  ];
  // Spans of 40 and 60 ms hold 6 tokens beside the first of each.
  hold(sample({ deltas, output: { usage: { outputTokens: 8 } } }), {
    itl: [40, 60],
    tpot: 100 / 6,
  });
});

Deno.test("metrics.tpot leaves out the tokens of the first delta, if the server gives them", () => {
  const deltas = [{ ...text(100, "a b c"), tokens: 3 }, text(150, " d")];
  hold(sample({ deltas, output: { usage: { outputTokens: 8 } } }), {
    tpot: 10,
  });
});

Deno.test("metrics.finalization counts from the last chunk as scheduled, so that a late client shows", () => {
  const late = [{ dueMs: 430, atMs: 2430, endMs: 300 }];
  const marks = { final: 2440, endSent: 2431 };
  hold(sample({ audioSent: late, marks }), {
    finalization: 2010,
    finalizationFromEnd: 9,
    chunkLateness: [2000],
  });
});

Deno.test("metrics.finalization counts from the last chunk as sent where nothing was scheduled", () => {
  const audioSent = [{ atMs: 3, endMs: 100 }, { atMs: 4, endMs: 200 }];
  hold(sample({ audioSent, marks: { final: 50 } }), {
    finalization: 46,
    chunkLateness: undefined,
  });
});

Deno.test("metrics.finalization is absent where no final text came", () => {
  const { final: _, ...marks } = spoken.marks;
  hold({ ...spoken, marks }, {
    finalization: undefined,
    finalizationFromEnd: undefined,
  });
});

Deno.test("metrics.tpot is absent where one read brought everything, or one token", () => {
  const once = [text(50, "all"), text(50, " at once")];
  const usage = { outputTokens: 20 };
  hold(sample({ deltas: once, output: { usage } }), {
    tpot: undefined,
    itl: [0],
    ntpot: 50,
  });
  const twice = [text(50, "a"), text(90, "b")];
  const spans: [number | undefined, number | undefined][] = [
    [undefined, undefined],
    [0, undefined],
    [1, undefined],
    [2, 40],
    [5, 10],
  ];
  for (const [outputTokens, expected] of spans) {
    const output = outputTokens === undefined
      ? {}
      : { usage: { outputTokens } };
    hold(sample({ deltas: twice, output }), { tpot: expected });
  }
});

Deno.test("metrics that divide are absent where they would divide by 0", () => {
  const instant = sample({
    endedMs: 0,
    input: { audioMs: 100 },
    output: { usage: { outputTokens: 0 } },
  });
  hold(instant, {
    latency: 0,
    rtfxRequest: undefined,
    ntpot: undefined,
    outputTokensPerSecond: undefined,
    outputTokens: 0,
  });
});

Deno.test("metrics.revisions counts the partials that change words already shown", () => {
  const replaced = (...texts: string[]) =>
    sample({
      deltas: texts.map((each, i) => text(i, each, { mode: "replace" })),
    });
  const cases: [string[], number][] = [
    [["one", "one two", "one two three"], 0],
    [["one", "won", "won two"], 1],
    [["one two", "one"], 1],
    [["hel", "hello"], 1],
    [["one", "one", " one "], 0],
    [["one", "", "one"], 1],
  ];
  for (const [texts, expected] of cases) {
    hold(replaced(...texts), { revisions: expected });
  }
});

Deno.test("metrics.revisions follows text that is appended between replacements", () => {
  const deltas = [
    text(1, "one", { mode: "append" }),
    text(2, " two"),
    { atMs: 3, kind: "reasoning", text: "hm", mode: "replace" } as const,
    text(4, "one two three", { mode: "replace" }),
    text(5, "one too three", { mode: "replace" }),
  ];
  hold(sample({ deltas }), { revisions: 1 });
});

Deno.test("metrics take NaN from a backend as unknown", () => {
  const broken = sample({
    marks: { final: NaN, connected: Infinity },
    audioSent: [{ atMs: NaN, dueMs: 1, endMs: 1 }],
    deltas: [text(NaN, "a"), text(5, "b")],
    output: { usage: { inputTokens: NaN } },
  });
  hold(broken, {
    connect: undefined,
    finalization: undefined,
    ttft: undefined,
    inputTokens: undefined,
    chunkLateness: undefined,
    deltaGap: undefined,
  });
});

Deno.test("metrics have unique names, and a label, unit and formula each", () => {
  const all = [...metrics, ...clientMetrics, ...shareMetrics];
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  assert.equal(new Set(all.map(({ label }) => label)).size, all.length);
  for (const { name, label, formula, unit } of all) {
    assert.match(name, /^[a-z][a-zA-Z]*$/);
    assert.ok(label && formula && unit, name);
  }
});

Deno.test("metricsOf() gives the known single numbers", () => {
  assert.deepEqual(Object.keys(metricsOf(spoken)), [
    "latency",
    "responseTime",
    "connect",
    "setup",
    "firstEvent",
    "ttft",
    "ttftCold",
    "ttfo",
    "inputTokens",
    "outputTokens",
    "audioSeconds",
    "rtfxRequest",
    "finalization",
    "finalizationFromEnd",
    "scheduleLag",
  ]);
  assert.equal(metricsOf(spoken)["finalization"], 30);
  const watched = { ...spoken, client: { firstTokenMs: 1, endMs: 2 } };
  assert.deepEqual(Object.keys(metricsOf(watched)).slice(-4), [
    "ttftShare",
    "latencyShare",
    "responseTimeShare",
    "finalizationShare",
  ]);
});

Deno.test("metrics of any sample are finite, whatever a backend did or left undone", () => {
  const time = fc.oneof(
    fc.double({ min: 0, max: 1e6 }),
    fc.constantFrom(NaN, Infinity),
  );
  const delta = fc.record({
    atMs: time,
    kind: fc.constantFrom("text", "reasoning", "tool", "refusal", "audio"),
    text: fc.string({ maxLength: 4 }),
    mode: fc.constantFrom("append", "replace"),
  }, { requiredKeys: ["atMs", "kind"] });
  const chunk = fc.record({ atMs: time, dueMs: time, endMs: time }, {
    requiredKeys: ["atMs", "endMs"],
  });
  const any = fc.record({
    marks: fc.record({
      connected: time,
      ready: time,
      headers: time,
      streamStart: time,
      endSent: time,
      final: time,
    }, { requiredKeys: [] }),
    deltas: fc.array(delta, { maxLength: 6 }),
    audioSent: fc.array(chunk, { maxLength: 4 }),
    client: fc.record({ sendingMs: time, firstTokenMs: time, endMs: time }, {
      requiredKeys: ["endMs"],
    }),
    input: fc.record({ audioMs: time }, { requiredKeys: [] }),
    output: fc.record({
      usage: fc.record({ outputTokens: time, inputTokens: time }, {
        requiredKeys: [],
      }),
    }, { requiredKeys: [] }),
  });
  fc.assert(fc.property(any, (parts) => {
    const from = sample(parts as Partial<Sample>);
    for (
      const { name, of } of [...metrics, ...clientMetrics, ...shareMetrics]
    ) {
      for (const value of [of(from) ?? []].flat()) {
        assert.ok(Number.isFinite(value), `${name} is ${value}`);
      }
    }
  }));
});
