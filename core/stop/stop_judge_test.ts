import assert from "node:assert/strict";
import fc from "fast-check";
import { sample } from "../../tests/support/sample.ts";
import { explainStop, StopJudge } from "./stop_judge.ts";
import { WHOLE } from "../shard.ts";
import type { StopCause, StopReason } from "../report.ts";

const failure = { class: "http_error", message: "It failed" };
const failed = sample({ outcome: { status: "error", failure } });
const late = sample({ outcome: { status: "timeout", failure } });
const cut = sample({ outcome: { status: "cancelled", failure } });

Deno.test("a recent error rate is that of the last requests", () => {
  const ends = fc.array(fc.boolean(), { maxLength: 100 });
  const size = fc.integer({ min: 1, max: 20 });
  const limit = fc.integer({ min: 1, max: 20 });
  fc.assert(fc.property(ends, size, limit, (fails, window, part) => {
    const recentErrorRate = part / 20;
    const judge = new StopJudge(
      { recentErrorRate, recentErrorWindow: window },
      "stage",
      WHOLE,
    );
    fails.forEach((isFailed, i) => {
      const stop = judge.ended(isFailed ? failed : sample());
      const last = fails.slice(Math.max(0, i + 1 - window), i + 1);
      const share = last.filter(Boolean).length / window;
      const expected = last.length === window && share >= recentErrorRate;
      assert.equal(stop !== undefined, expected);
    });
  }));
});

Deno.test("errors and timeouts count, and requests that the end cut off do not", () => {
  const judge = new StopJudge({ errors: 2 }, "stage", WHOLE);
  assert.equal(judge.ended(failed), undefined);
  assert.equal(judge.ended(cut), undefined);
  assert.equal(judge.ended(late)?.reason, "errors");
  const rate = new StopJudge({ errorRate: 0.5 }, "run", WHOLE);
  for (let i = 0; i < 29; i++) {
    assert.equal(rate.ended(i < 15 ? failed : sample()), undefined);
  }
  // The thirtieth is the first to be judged, although it is good.
  assert.deepEqual(rate.ended(sample()), {
    reason: "errorRate",
    cause: { scope: "run", value: 0.5, limit: 0.5, of: 30 },
  });
});

Deno.test("the shards of a run together allow what the whole does", () => {
  const number = fc.integer({ min: 1, max: 500 });
  const shards = fc.integer({ min: 1, max: 10 });
  fc.assert(fc.property(number, number, shards, (requests, errors, count) => {
    let started = 0, failures = 0;
    for (let index = 0; index < count; index++) {
      const rules = { requests, errors };
      const judge = new StopJudge(rules, "run", { index, count });
      while (!judge.isSpent) {
        started++;
        judge.started();
      }
      do failures++; while (judge.ended(failed) === undefined);
    }
    assert.equal(started, requests);
    // A shard ends at its first failure at the latest.
    assert.equal(failures, Math.max(errors, count));
  }));
});

Deno.test("explainStop() gives the numbers in words", () => {
  const words: [StopReason, Omit<StopCause, "scope">, string][] = [
    ["errors", { value: 1, limit: 1 }, "1 request failed (limit 1)"],
    [
      "errorRate",
      { value: 0.1234, limit: 0.1, of: 81 },
      "12.3 % of 81 requests failed (limit 10 %)",
    ],
    [
      "recentErrorRate",
      { value: 0.31, limit: 0.3, of: 30 },
      "31 % of the last 30 requests failed (limit 30 %)",
    ],
    [
      "saturation",
      { metric: "inFlight", from: 3.14159, value: 27.1828 },
      "requests in flight grew steadily from 3.14 to 27.2",
    ],
    [
      "saturation",
      { metric: "finalization", from: 320.5, value: 4000 },
      "finalization grew steadily from 321 to 4000 ms",
    ],
    [
      "silence",
      { value: 300_000, limit: 300_000 },
      "nothing was sent or received for 300 s",
    ],
    ["duration", { value: 60_000, limit: 60_000 }, "after 60 s"],
    ["requests", { value: 500, limit: 500 }, "after 500 requests"],
  ];
  for (const [stopped, numbers, text] of words) {
    const stopCause: StopCause = { scope: "stage", ...numbers };
    assert.equal(explainStop({ stopped, stopCause }), `stopped: ${text}`);
    assert.equal(
      explainStop({ stopped, stopCause: { ...stopCause, scope: "run" } }),
      `run stopped: ${text}`,
    );
  }
  assert.equal(explainStop({ stopped: "duration" }), undefined);
  assert.equal(explainStop({ stopped: "data" }), "data exhausted");
});
