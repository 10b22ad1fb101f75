import assert from "node:assert/strict";
import type { StageReport } from "../plugins/mod.ts";
import { goodStage, metric } from "../tests/support/report.ts";
import {
  type CurvePoint,
  curvePoints,
  limitAnswer,
  loadAxes,
} from "./curve.ts";

const QUESTION = { what: "p95 TTFT", limitMs: 200, loadLabel: "requests/s" };

function point(name: string, value: number, more: Partial<CurvePoint> = {}) {
  const load = Number.parseInt(name);
  return { stage: 0, name, load, value, isValid: true, errorRate: 0, ...more };
}

function stage(concurrency: number, ttft: number): StageReport {
  return {
    ...goodStage,
    name: `${concurrency} streams`,
    load: { kind: "concurrent", concurrency },
    rates: { requestsPerSecond: 100 - concurrency },
    metrics: { ttft: metric("ms", 300, ttft) },
  };
}

Deno.test("curvePoints() are in the order of the offered load", () => {
  const points = curvePoints([stage(8, 100), undefined, stage(1, 50)], {
    metric: "ttft",
    quantile: "p50",
    load: "requestsPerSecond",
  });
  assert.deepEqual(
    points.map(({ stage, load, value }) => [stage, load, value]),
    [[2, 99, 50], [0, 92, 100]],
  );
});

Deno.test("curvePoints() leave out a stage without the metric", () => {
  const options = { metric: "itl", quantile: "p50", load: "offered" } as const;
  assert.deepEqual(curvePoints([stage(8, 100)], options), []);
});

Deno.test("loadAxes() are the loads that stages share", () => {
  assert.deepEqual(
    loadAxes([stage(1, 50), stage(8, 100)]).map(({ name }) => name),
    ["requestsPerSecond", "offered"],
  );
  const rate = {
    ...stage(1, 50),
    load: { kind: "constant", ratePerSecond: 2 },
  };
  assert.deepEqual(
    loadAxes([stage(1, 50), rate]).map(({ name }) => name),
    ["requestsPerSecond"],
  );
});

const answers: [string, CurvePoint[], RegExp][] = [
  [
    "the highest load under the limit, and the next",
    [point("1 stream", 90), point("8 streams", 180), point("16 streams", 300)],
    /^The highest load that keeps p95 TTFT under 200 ms is 8 streams \(8 requests\/s\): 180 ms\. The next is over it: 16 streams, 300 ms\.$/,
  ],
  [
    "that all loads keep it",
    [point("1 stream", 90), point("8 streams", 180)],
    /^Every load keeps p95 TTFT under 200 ms, up to 8 streams .* The limit is beyond what was measured\.$/,
  ],
  [
    "that no load keeps it",
    [point("1 stream", 290)],
    /^No load keeps p95 TTFT under 200 ms\. The lowest: 1 stream, 290 ms\.$/,
  ],
  [
    "that a lower load is over it",
    [point("1 stream", 290), point("2 streams", 90), point("4 streams", 250)],
    /is 2 streams .* over it: 4 streams, 250 ms\. But a lower one is over it: 1 stream, 290 ms\.$/,
  ],
  [
    "that a higher load keeps it again",
    [point("1 stream", 90), point("2 streams", 250), point("4 streams", 150)],
    /is 1 stream .* A higher load, 4 streams, keeps it again\.$/,
  ],
  [
    "that the interval reaches over the limit",
    [
      point("1 stream", 190, { bounds: { lower: 180, upper: 215 } }),
      point("2 streams", 250),
    ],
    /190 ms \(95 % interval 180 – 215 ms\)\..* It is not certain/,
  ],
  [
    "that requests failed, or that the measurement is not valid",
    [point("1 stream", 90, { errorRate: 0.3, isValid: false })],
    /But 30 % of its requests failed\. But its measurement is not valid\.$/,
  ],
  [
    "with the valid measurements of a load that was repeated",
    [
      point("8 streams", 400, { isValid: false }),
      point("8 streams", 100),
      point("8 streams", 120),
    ],
    /^Every load .* up to 8 streams .*: 100 – 120 ms in 2 measurements\.$/,
  ],
  ["that nothing was measured", [], /^No stage has a p95 TTFT\.$/],
];

for (const [what, points, expected] of answers) {
  Deno.test(`limitAnswer() says ${what}`, () => {
    assert.match(limitAnswer(points, QUESTION), expected);
  });
}
