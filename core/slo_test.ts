import assert from "node:assert/strict";
import fc from "fast-check";
import { goodStage, metric } from "../tests/support/report.ts";
import { sample } from "../tests/support/sample.ts";
import { metrics } from "./metrics/table.ts";
import {
  formatSloValue,
  goodRequest,
  judgeSlos,
  maxErrorRate,
  parseSlos,
} from "./slo.ts";

const STAGE = {
  ...goodStage,
  counts: { ...goodStage.counts, ok: 90, error: 8, timeout: 2 },
  rates: { errorRate: 0.1, requestsPerSecond: 6, rtfxAggregate: 40 },
};

function judged(text: string, stage: Partial<typeof STAGE> = {}) {
  return judgeSlos(parseSlos([text]), { ...STAGE, ...stage })[0]!;
}

Deno.test("parseSlos() reads metric, quantile, operator and limit, in the metric's unit", () => {
  const cases = [
    ["ttft.p95<200ms", "ttft", "p95", "<", 200, "ms"],
    ["latency.mean <= 1.5 s", "latency", "mean", "<=", 1500, "ms"],
    ["itl.p99<=50ms", "itl", "p99", "<=", 50, "ms"],
    ["audioSeconds.max<500ms", "audioSeconds", "max", "<", 0.5, "s"],
    ["errorRate<7%", "errorRate", undefined, "<", 0.07, "share"],
    ["wer<8%", "wer", undefined, "<", 0.08, "share"],
    ["rtfx.p50>10", "rtfxRequest", "p50", ">", 10, "ratio"],
    ["rtfx>=10x", "rtfxAggregate", undefined, ">=", 10, "ratio"],
    ["requestsPerSecond>=20", "requestsPerSecond", undefined, ">=", 20, "/s"],
    ["requestRate>5/s", "requestsPerSecond", undefined, ">", 5, "/s"],
    [
      "outputTokensPerSecond>1e3/s",
      "outputTokensPerSecond",
      undefined,
      ">",
      1000,
      "tokens/s",
    ],
    [
      "outputTokensPerSecond.p5>40tokens/s",
      "outputTokensPerSecond",
      "p5",
      ">",
      40,
      "tokens/s",
    ],
    ["outputTokens.min>=1", "outputTokens", "min", ">=", 1, "tokens"],
    ["scheduleLag.p999<10ms", "scheduleLag", "p999", "<", 10, "ms"],
    ["ttftShare.p99<5ms", "ttftShare", "p99", "<", 5, "ms"],
    [
      "ttftAdjustedForNetwork.p95<0.2s",
      "ttftAdjustedForNetwork",
      "p95",
      "<",
      200,
      "ms",
    ],
  ] as const;
  for (const [text, metric, quantile, operator, limit, unit] of cases) {
    assert.deepEqual(parseSlos([text]), [{
      text: text.replaceAll(" ", ""),
      metric,
      ...(quantile && { quantile }),
      operator,
      limit,
      unit,
    }]);
  }
  for (const { name } of metrics) {
    const right = ["ms", "s", "tokens/s", ""].filter((unit) => {
      try {
        return parseSlos([`${name}.p50<1${unit}`]);
      } catch {
        return false;
      }
    });
    assert.ok(right.length > 0, name);
  }
});

Deno.test("parseSlos() reports every problem of a list at once, and what is right", () => {
  const problems = [
    [
      "ttft.p95=200ms",
      /^slo must be METRIC\.QUANTILE<LIMIT or METRIC<LIMIT, such as .*, but was "ttft\.p95=200ms"$/,
    ],
    ["", /but was ""$/],
    ["ttft.p95<-1ms", /^slo must be/],
    [
      "tfft.p95<200ms",
      /^slo "tfft\.p95<200ms": unknown metric "tfft"; did you mean "ttft"\?$/,
    ],
    ["e2e.p95<1s", /: unknown metric "e2e"; did you mean "latency"\?$/],
    ["lag.p99<9ms", /: unknown metric "lag"; did you mean "scheduleLag"\?$/],
    ["cpu<90%", /: unknown metric "cpu"; did you mean "scheduleLag"\?$/],
    [
      "constructor<1",
      /: unknown metric "constructor"; there are: latency, .*, wer, cer, requestRate, rtfx$/,
    ],
    [
      "ttft.p98<200ms",
      /: unknown quantile "p98"; there are: p5, p50, p90, p95, p99, p999, mean, min, max$/,
    ],
    [
      "ttft<200ms",
      /: ttft needs a quantile, such as ttft\.p95; there are: p5, /,
    ],
    [
      "wer.p95<8%",
      /: wer is one number for the whole stage and has no quantile "p95"$/,
    ],
    [
      "ttft.p95<200",
      /: the limit of ttft must be in ms or s, but was without a unit$/,
    ],
    [
      "ttft.p95<200%",
      /: the limit of ttft must be in ms or s, but was in "%"$/,
    ],
    [
      "errorRate<0.05",
      /: the limit of errorRate must be in %, but was without a unit$/,
    ],
    [
      "revisions.max<1ms",
      /: the limit of revisions must be in no unit, but was in "ms"$/,
    ],
    [
      "rtfx.p50>10toString",
      /: the limit of rtfx must be in x or no unit, but was in "toString"$/,
    ],
  ] as const;
  const texts = problems.map(([text]) => text);
  assert.throws(
    () => parseSlos(["ttft.p95<1s", ...texts]),
    (error: Error & { problems: { message: string }[] }) => {
      assert.equal(error.name, "UsageError");
      assert.equal(error.problems.length, problems.length);
      error.problems.forEach(({ message }, i) =>
        assert.match(message, problems[i]![1])
      );
      assert.equal(
        error.message,
        error.problems.map(({ message }) => message).join("\n"),
      );
      return true;
    },
  );
});

Deno.test("judgeSlos() compares with each operator, the limit itself included or not", () => {
  for (
    const [operator, ...passes] of [
      ["<", true, false, false],
      ["<=", true, true, false],
      [">", false, false, true],
      [">=", false, true, true],
    ] as const
  ) {
    const results = [0.04, 0.05, 0.06].map((errorRate) =>
      judged(`errorRate${operator}5%`, { rates: { ...STAGE.rates, errorRate } })
    );
    assert.deepEqual(results.map(({ pass }) => pass), passes);
  }
});

Deno.test("judgeSlos() says what was measured, from how many values", () => {
  assert.deepEqual(judged("errorRate<=5%"), {
    objective: "errorRate<=5%",
    metric: "errorRate",
    limit: 0.05,
    unit: "share",
    value: 0.1,
    n: 100,
    pass: false,
  });
  const { latency } = STAGE.metrics;
  assert.deepEqual(judged("latency.p99<1s"), {
    objective: "latency.p99<1s",
    metric: "latency",
    quantile: "p99",
    limit: 1000,
    unit: "ms",
    value: latency!.p99,
    n: latency!.n,
    reason: "too few values: p99 needs 100",
    pass: latency!.p99 < 1000,
  });
  assert.equal("reason" in judged("latency.p95<1s"), false);
  assert.match(
    formatSloValue(judged("latency.p99<1s")),
    /\(n = \d+; too few values: p99 needs 100\)$/,
  );
  const { wer } = STAGE.quality;
  assert.partialDeepStrictEqual(judged("wer<8%"), {
    value: wer!.value,
    n: wer!.utterances,
  });
  assert.partialDeepStrictEqual(judged("scheduleLag.max<1s"), {
    value: STAGE.client.scheduleLag!.max,
  });
  assert.partialDeepStrictEqual(judged("latencyShare.p95<1ms"), {
    value: STAGE.client.latencyShare!.p95,
    n: STAGE.client.latencyShare!.n,
    pass: true,
  });
  const ttftAdjustedForNetwork = metric("ms", 62, 250);
  assert.partialDeepStrictEqual(
    judged("ttftAdjustedForNetwork.p50<200ms", {
      metrics: { ...STAGE.metrics, ttftAdjustedForNetwork },
    }),
    { value: 250, n: 62, pass: false },
  );
});

Deno.test("goodRequest() judges a request by the SLOs that it has values for before the stage ends", () => {
  const good = goodRequest(parseSlos([
    "latencyShare.p99<5ms",
    "latency.p95<2s",
    "ttftAdjustedForNetwork.p50<1ms",
    "errorRate<1%",
  ]))!;
  const client = { endMs: 4 };
  assert.equal(good(sample({ client })), true);
  assert.equal(good(sample({ client: { endMs: 6 } })), false);
  assert.equal(good(sample({ client, endedMs: 2500 })), false);
  assert.equal(good(sample()), false);
  const known = ["errorRate<1%", "ttftAdjustedForNetwork.p50<1ms"];
  assert.equal(goodRequest(parseSlos(known)), undefined);
});

Deno.test("judgeSlos() misses an SLO whose metric has no data, and says so", () => {
  const empty = { metrics: {}, rates: {}, quality: {}, client: {} };
  for (
    const text of ["ttft.p95<200ms", "errorRate<=5%", "wer<8%", "rtfx>=0x"]
  ) {
    const result = judgeSlos(parseSlos([text]), { ...STAGE, ...empty })[0]!;
    assert.equal("value" in result, false);
    assert.deepEqual([result.n, result.pass], [0, false]);
    assert.match(result.reason!, /^no request of the stage has a value of /);
  }
  assert.deepEqual(judgeSlos([], STAGE), []);
});

Deno.test("maxErrorRate() is written as a share in percent, and read again", () => {
  assert.equal(maxErrorRate(0.05).text, "errorRate<=5%");
  assert.equal(maxErrorRate(0.07).text, "errorRate<=7%");
  assert.equal(maxErrorRate(0.07).limit, 0.07);
  assert.equal(maxErrorRate(0).text, "errorRate<=0%");
  assert.equal(maxErrorRate(0.001).text, "errorRate<=0.1%");
  fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
    const read = parseSlos([maxErrorRate(share).text])[0]!;
    assert.ok(Math.abs(read.limit - share) <= share * 1e-11);
  }));
  for (const share of [-0.1, 1.1, 5, NaN, Infinity]) {
    assert.throws(() => maxErrorRate(share), {
      name: "UsageError",
      message: `maxErrorRate must be between 0 and 1, but was ${share}`,
    });
  }
});
