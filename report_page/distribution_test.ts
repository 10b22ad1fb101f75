import assert from "node:assert/strict";
import fc from "fast-check";
import { CompactHistogram } from "../plugins/mod.ts";
import { cumulative, joinMarks, logBars } from "./distribution.ts";

function histogramOf(values: readonly number[]) {
  const histogram = new CompactHistogram();
  for (const value of values) histogram.add(value);
  const ranges = [...histogram.ranges(16)];
  return {
    from: ranges.map(({ from }) => from),
    to: ranges.map(({ to }) => to),
    counts: ranges.map(({ count }) => count),
  };
}

const values = fc.array(fc.double({ min: -1, max: 1e5, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
});

Deno.test("logBars() shares out all values over adjacent bars", () => {
  fc.assert(fc.property(values, (values) => {
    const bars = logBars(histogramOf(values));
    const sum = bars.reduce((sum, { share }) => sum + share, 0);
    assert.ok(Math.abs(sum - 1) < 1e-9, `${sum}`);
    assert.ok(bars.length <= 40);
    for (const [i, { from, to }] of bars.entries()) {
      assert.ok(from > 0 && from < to);
      if (i > 0) assert.ok(Math.abs(from / bars[i - 1]!.to - 1) < 1e-9);
    }
  }));
});

Deno.test("cumulative() ascends from 0 to 1", () => {
  fc.assert(fc.property(values, (values) => {
    const points = cumulative(histogramOf(values));
    assert.equal(points[0]![1], 0);
    assert.equal(points.at(-1)![1], 1);
    for (const [i, [value, share]] of points.entries()) {
      if (i === 0) continue;
      assert.ok(value >= points[i - 1]![0] && share >= points[i - 1]![1]);
    }
  }));
});

Deno.test("a distribution without values has no bars and no points", () => {
  const empty = { from: [], to: [], counts: [] };
  assert.deepEqual([logBars(empty), cumulative(empty)], [[], []]);
});

Deno.test("joinMarks() joins the names of marks that are close", () => {
  const marks = [
    { name: "p50", value: 10 },
    { name: "p95", value: 80 },
    { name: "p99", value: 84 },
  ];
  assert.deepEqual(
    joinMarks(marks, { min: 5, max: 100 }).map(({ name }) => name),
    ["p50", "", "p95 p99"],
  );
});
