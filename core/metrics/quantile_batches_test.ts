import assert from "node:assert/strict";
import { random } from "../../lib/random.ts";
import { Column } from "./column.ts";
import { QuantileBatches } from "./quantile_batches.ts";

function intervalOf(values: readonly (readonly number[])[], p: number) {
  const column = new Column(), batches = new QuantileBatches();
  values.forEach((each, id) => {
    for (const value of each) column.add(value);
    batches.add(id, each);
  });
  return batches.interval(p, column);
}

/** Requests with one value each. */
function requests(n: number, of: (random: number, id: number) => number) {
  const draw = random(1, "test");
  return Array.from({ length: n }, (_, id) => [of(draw(), id)]);
}

const width = (bounds?: { lower: number; upper: number }) =>
  bounds!.upper - bounds!.lower;

Deno.test("an interval lies around its quantile and shrinks with the number of requests", () => {
  const few = intervalOf(requests(400, (x) => x), 0.9)!;
  const many = intervalOf(requests(40_000, (x) => x), 0.9)!;
  assert.ok(few.lower < 0.9 && few.upper > 0.9);
  assert.ok(many.lower < 0.9 && many.upper > 0.9);
  assert.ok(width(many) < width(few) / 5);
});

Deno.test("neighbours that are alike make an interval wider", () => {
  const independent = requests(4000, (x) => x);
  const alike = independent.map((_, i) => independent[i - i % 100]!);
  assert.ok(
    width(intervalOf(alike, 0.5)) > 4 * width(intervalOf(independent, 0.5)),
  );
});

Deno.test("many values of one request are not as good as those of many", () => {
  const values = requests(2000, (x) => x).flat();
  const apart = values.map((value) => [value]);
  const together = values.slice(0, 100).map((value) => Array(20).fill(value));
  assert.ok(
    width(intervalOf(together, 0.5)) > 2 * width(intervalOf(apart, 0.5)),
  );
});

Deno.test("an interval is absent with fewer than ten batches, and where an end has no value", () => {
  assert.equal(intervalOf(requests(9, (x) => x), 0.5), undefined);
  assert.ok(intervalOf(requests(100, (x) => x), 0.5));
  assert.equal(intervalOf(requests(100, (x) => x), 0.99), undefined);
});

Deno.test("values that are all in one bucket have an interval, too", () => {
  const { lower, upper } = intervalOf(
    requests(1000, (x) => 1000 + x / 100),
    0.5,
  )!;
  assert.ok(lower > 1000 && lower < 1000.005 && upper > 1000.005);
  assert.deepEqual(intervalOf(requests(1000, () => 7), 0.9), {
    lower: 7,
    upper: 7,
  });
});
