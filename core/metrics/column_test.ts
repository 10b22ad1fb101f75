import assert from "node:assert/strict";
import fc from "fast-check";
import { Column } from "./column.ts";
import { random } from "../../lib/random.ts";

const number = fc.double({ min: -1e9, max: 1e9, noNaN: true })
  .map((value) => value + 0); // no −0
const numbers = fc.array(number, { minLength: 1, maxLength: 300 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

function of(values: Iterable<number>, exact?: number) {
  const all = new Column(exact);
  for (const value of values) all.add(value);
  return all;
}

function close(actual: number | undefined, expected: number, error = 1e-12) {
  assert.ok(actual !== undefined, "is missing");
  const allowed = error * Math.max(1, Math.abs(expected));
  assert.ok(
    Math.abs(actual - expected) <= allowed,
    `${actual} is not ${expected} to within ${allowed}`,
  );
}

Deno.test("Column has nothing to say when it is empty", () => {
  const empty = new Column();
  assert.equal(empty.n, 0);
  assert.equal(empty.summary(), undefined);
  assert.equal(empty.quantile(0.5), undefined);
});

Deno.test("Column has no deviation from a single value", () => {
  assert.deepEqual(of([7]).summary(), {
    n: 1,
    mean: 7,
    min: 7,
    max: 7,
    p5: 7,
    p50: 7,
    p90: 7,
    p95: 7,
    p99: 7,
    p999: 7,
  });
});

Deno.test("Column summarizes as computed by hand", () => {
  const summary = of([15, 20, 35, 40, 50]).summary()!;
  assert.equal(summary.n, 5);
  assert.equal(summary.mean, 32);
  close(
    summary.sd,
    Math.sqrt((17 ** 2 + 12 ** 2 + 3 ** 2 + 8 ** 2 + 18 ** 2) / 4),
  );
  // positions (n − 1)·p: 0.2, 2, 3.6, 3.8, 3.96, 3.996
  close(summary.p5, 15 + 0.2 * 5);
  assert.equal(summary.p50, 35);
  close(summary.p90, 40 + 0.6 * 10);
  close(summary.p95, 40 + 0.8 * 10);
  close(summary.p99, 40 + 0.96 * 10);
  close(summary.p999, 40 + 0.996 * 10);
  assert.equal("quantileError" in summary, false);
});

Deno.test("Column gives the quantiles that numpy defines by default", () => {
  // As numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [0, 5, 25, 40, 50, 75, 90, 95, 99, 100])
  const pi = of([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]);
  const expected = [1, 1, 2.5, 3, 4, 5, 6, 7.5, 8.7, 9];
  for (const [i, p] of [0, 5, 25, 40, 50, 75, 90, 95, 99, 100].entries()) {
    close(pi.quantile(p / 100), expected[i]!);
  }
  // As numpy.percentile([-2.5, 0, 10.25], [10, 50, 62.5])
  const signed = of([10.25, -2.5, 0]);
  close(signed.quantile(0.1), -2);
  close(signed.quantile(0.5), 0);
  close(signed.quantile(0.625), 2.5625);
});

Deno.test("Column gives the middle of two values as their median", () => {
  assert.equal(of([1, 2]).quantile(0.5), 1.5);
});

Deno.test("Column quantiles rise with p and stay within the values", () => {
  fc.assert(fc.property(numbers, share, share, (values, a, b) => {
    const all = of(values);
    const low = all.quantile(Math.min(a, b))!;
    const high = all.quantile(Math.max(a, b))!;
    const { min, max, mean } = all.summary()!;
    assert.ok(low <= high);
    assert.ok(min <= low && high <= max);
    assert.ok(min <= mean && mean <= max);
    assert.equal(all.quantile(0), Math.min(...values));
    assert.equal(all.quantile(1), Math.max(...values));
  }));
});

Deno.test("Column gives the same summary for any order of the values", () => {
  const shuffled = numbers.chain((values) =>
    fc.tuple(
      fc.constant(values),
      fc.shuffledSubarray(values, { minLength: values.length }),
    )
  );
  fc.assert(fc.property(shuffled, ([values, others]) => {
    assert.deepEqual(of(values).summary(), of(others).summary());
  }));
});

Deno.test("Column may be looked at while it fills", () => {
  fc.assert(fc.property(numbers, fc.nat(5), (values, every) => {
    const watched = new Column();
    for (const [i, value] of values.entries()) {
      watched.add(value);
      if (i % (every + 1) === 0) watched.quantile(0.5);
    }
    assert.deepEqual(watched.summary(), of(values).summary());
  }));
});

Deno.test("Column beyond its limit keeps quantiles to the error that it states, and the rest exactly", () => {
  fc.assert(fc.property(numbers, share, (values, p) => {
    const exact = of(values);
    const folded = of(values, 1);
    // Each of the two values that a quantile lies between is off by that much at most.
    const error = folded.summary()!.quantileError ?? 0;
    assert.equal(error > 0, values.length > 1);
    assert.ok(error <= 0.001);
    const sorted = values.toSorted((a, b) => a - b);
    const position = (values.length - 1) * p;
    const size = Math.max(
      Math.abs(sorted[Math.floor(position)]!),
      Math.abs(sorted[Math.ceil(position)]!),
    );
    const off = Math.abs(exact.quantile(p)! - folded.quantile(p)!);
    assert.ok(off <= size * error * (1 + 1e-9) + 1e-300, `${off} off`);

    const a = exact.summary()!, b = folded.summary()!;
    assert.deepEqual([a.n, a.min, a.max], [b.n, b.min, b.max]);
    const scale = Math.max(Math.abs(a.min), Math.abs(a.max));
    assert.ok(Math.abs(a.mean - b.mean) <= 1e-12 * scale + 1e-300);
    assert.ok(Math.abs((a.sd ?? 0) - (b.sd ?? 0)) <= 1e-6 * scale + 1e-150);
  }));
});

Deno.test("Column beyond its limit still has quantiles that rise with p and stay within the values", () => {
  fc.assert(fc.property(numbers, share, share, (values, a, b) => {
    const folded = of(values, 3);
    const low = folded.quantile(Math.min(a, b))!;
    const high = folded.quantile(Math.max(a, b))!;
    assert.ok(low <= high);
    assert.ok(Math.min(...values) <= low && high <= Math.max(...values));
  }));
});

Deno.test("Column holds many values of a known distribution", () => {
  const draw = random(1, "column");
  const exponential = new Column();
  for (let i = 0; i < 200_000; i++) exponential.add(-Math.log(1 - draw()) * 50);
  const { n, mean, sd, p50, p99, quantileError } = exponential.summary()!;
  assert.equal(n, 200_000);
  assert.equal(quantileError, 1 / 1024);
  close(mean, 50, 0.01);
  close(sd, 50, 0.01);
  close(p50, 50 * Math.LN2, 0.01);
  close(p99, 50 * Math.log(100), 0.03);
});

Deno.test("Column knows every value up to 65,536 and says when it no longer does", () => {
  const all = new Column();
  for (let i = 65_535; i >= 0; i--) all.add(i);
  assert.equal(all.summary()!.quantileError, undefined);
  assert.equal(all.quantile(1 / 65_535), 1);
  assert.equal(all.quantile(0.5), 32_767.5);
  all.add(65_536);
  assert.equal(all.summary()!.quantileError, 1 / 1024);
  assert.equal(all.n, 65_537);
});

Deno.test("Column handles zeros, negative and tiny values beyond its limit", () => {
  const all = of([0, -0, 5e-324, -1, -1000, 3, 1e-9], 0);
  assert.equal(all.quantile(0), -1000);
  close(all.quantile(1 / 6), -1, 0.001);
  assert.equal(all.quantile(0.5), 0);
  const tiny = all.quantile(5 / 6)!;
  assert.ok(Math.abs(tiny - 1e-9) <= 1e-12);
});

Deno.test("Column keeps the deviation of large values that differ little", () => {
  const values = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
  close(of(values).summary()!.sd, Math.sqrt(30));
  close(of(values, 0).summary()!.sd, Math.sqrt(30));
});

Deno.test("Column refuses values that are not finite and shares out of range", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.throws(() => new Column().add(value), {
      name: "RangeError",
      message: `value must be a finite number, but was ${value}`,
    });
  }
  for (const p of [-0.1, 1.1, NaN]) {
    assert.throws(() => new Column().quantile(p), RangeError);
  }
});
