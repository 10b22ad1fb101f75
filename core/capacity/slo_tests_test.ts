import assert from "node:assert/strict";
import { random } from "../../lib/random.ts";
import { sample } from "../../tests/support/sample.ts";
import { isUsageError } from "../errors.ts";
import type { Sample } from "../sample.ts";
import { parseSlos } from "../slo.ts";
import { type SloTest, sloTest } from "./slo_tests.ts";

function testOf(text: string): SloTest {
  const slos = parseSlos([text]);
  return sloTest(slos[0]!, { normalizer: "basic", slos });
}

/** Adds samples made from their ids and returns whether the SLO is kept. */
function judge(
  text: string,
  count: number,
  make: (id: number) => Partial<Sample>,
): boolean | undefined | "too few" {
  const test = testOf(text);
  for (let id = 0; id < count; id++) test.add(sample({ id, ...make(id) }));
  const judged = test.judge(0.999);
  return judged ? judged.isKept : "too few";
}

const failed = {
  outcome: {
    status: "error",
    failure: { class: "http_error", message: "500" },
  },
} as const;

Deno.test("sloTest() of a quantile compares the share beyond the limit with the share that may be", () => {
  const ended = (share: number) => {
    const draw = random(1, "test");
    return () => ({ endedMs: draw() < share ? 300 : 100 });
  };
  const slo = "latency.p95<200ms";
  assert.equal(judge(slo, 5, ended(0)), "too few");
  assert.equal(judge(slo, 100, ended(0)), undefined);
  assert.equal(judge(slo, 400, ended(0)), true);
  assert.equal(judge(slo, 2000, ended(0.02)), true);
  assert.equal(judge(slo, 2000, ended(0.05)), undefined);
  assert.equal(judge(slo, 2000, ended(0.12)), false);
  assert.equal(judge("latency.p999<200ms", 2000, ended(0.02)), false);
  assert.equal(judge("latency.p50>200ms", 2000, ended(0.8)), true);
  assert.equal(judge("latency.p5>200ms", 2000, ended(0.8)), false);
});

Deno.test("sloTest() counts a failure beyond every limit of a quantile", () => {
  const draw = random(1, "test");
  const some = () => draw() < 0.12 ? failed : { endedMs: 100 };
  assert.equal(judge("latency.p95<200ms", 2000, some), false);
  assert.equal(judge("errorRate<5%", 2000, some), false);
  assert.equal(judge("errorRate<20%", 2000, some), true);
});

Deno.test("sloTest() trusts values less that come in long stretches", () => {
  const slo = "latency.p95<200ms";
  const every = (length: number) => (id: number) => ({
    endedMs: Math.floor(id / length) % 50 === 0 ? 300 : 100,
  });
  assert.equal(judge(slo, 4000, every(1)), true);
  assert.equal(judge(slo, 4000, every(40)), undefined);
  // No value is beyond the limit, but long stretches come near it.
  const near = (id: number) => ({
    endedMs: Math.floor(id / 200) % 4 === 0 ? 190 : 50,
  });
  assert.equal(judge(slo, 800, () => ({ endedMs: 50 })), true);
  assert.equal(judge(slo, 800, near), undefined);
});

Deno.test("sloTest() of a word error rate or a mean pools errors and words, or values", () => {
  const spoken = (share: number) => {
    const draw = random(1, "test");
    return () => ({
      input: { reference: "one two three four five" },
      output: {
        text: draw() < share
          ? "one two tree for five"
          : "one two three four five",
      },
    });
  };
  assert.equal(judge("wer<8%", 400, spoken(0.1)), true);
  assert.equal(judge("wer<8%", 400, spoken(0.2)), undefined);
  assert.equal(judge("wer<8%", 400, spoken(0.5)), false);
  assert.equal(judge("wer<8%", 400, () => ({})), "too few");
  const ended = (id: number) => ({ endedMs: 100 + (id * 37) % 100 });
  assert.equal(judge("latency.mean<160ms", 400, ended), true);
  assert.equal(judge("latency.mean<140ms", 400, ended), false);
});

Deno.test("sloTest() of a rate divides what ended by the time that it took", () => {
  const steady = (id: number) => ({
    endedMs: 50 * id,
    output: { usage: { outputTokens: 10 } },
  });
  assert.equal(judge("requestsPerSecond>=19", 1000, steady), true);
  assert.equal(judge("requestsPerSecond>=21", 1000, steady), false);
  assert.equal(judge("outputTokensPerSecond>=190", 1000, steady), true);
  assert.equal(judge("outputTokensPerSecond>=210", 1000, steady), false);
});

Deno.test("sloTest() decides nothing of what no request has a value of", () => {
  for (const text of ["ttft.p95<1s", "wer<8%"]) {
    const test = testOf(text);
    for (let id = 0; id < 400; id++) test.add(sample({ id }));
    assert.equal(test.hasValues, false);
    assert.equal(test.judge(0.99), undefined);
  }
});

Deno.test("sloTest() refuses SLOs that requests cannot decide", () => {
  const texts = [
    "latency.max<1s",
    "ttftAdjustedForNetwork.p95<1s",
    "goodput>=10",
  ];
  for (const text of texts) {
    assert.throws(() => testOf(text), (error) => {
      assert.ok(isUsageError(error));
      assert.match(error.message, /^slo ".+" cannot decide a level: /);
      return true;
    });
  }
});
