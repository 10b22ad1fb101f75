import assert from "node:assert/strict";
import fc from "fast-check";
import { CompactHistogram } from "./histogram.ts";

const value = fc.oneof(
  fc.double({ min: -1e6, max: 1e9, noNaN: true }),
  fc.double({ min: 0, max: 2, noNaN: true }),
  fc.constantFrom(0, 1, 1 / 1024, -1, 1e-300),
);

function filled(values: readonly number[]): CompactHistogram {
  const histogram = new CompactHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

Deno.test("a compact histogram knows a quantile to one part in 256", () => {
  const values = fc.array(value, { minLength: 1, maxLength: 60 });
  const p = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(fc.property(values, p, (values, p) => {
    const sorted = values.toSorted((a, b) => a - b);
    const expected = sorted[Math.max(1, Math.ceil(p * sorted.length)) - 1]!;
    const actual = filled(values).quantile(p)!;
    const error = Math.max(1 / 1024, Math.abs(expected) / 256);
    assert.ok(Math.abs(actual - expected) <= error, `${actual}, ${expected}`);
  }));
});

Deno.test("the ranges of a compact histogram hold all values between their edges", () => {
  const values = fc.array(value, { maxLength: 60 });
  const perPowerOfTwo = fc.constantFrom(128, 16, 1);
  fc.assert(fc.property(values, perPowerOfTwo, (values, perPowerOfTwo) => {
    const ranges = [...filled(values).ranges(perPowerOfTwo)];
    assert.equal(
      ranges.reduce((sum, { count }) => sum + count, 0),
      values.length,
    );
    for (const [i, { from, to, count }] of ranges.entries()) {
      assert.ok(from < to && (i === 0 || ranges[i - 1]!.to <= from));
      // Values of a negative range include its upper edge instead of its lower one.
      const inside = values.filter((value) => {
        if (Math.abs(value) < 1 / 1024) return from === 0;
        return value > 0
          ? value >= from && value < to
          : value > from && value <= to;
      });
      if (from > 0 || to < 0) assert.equal(inside.length, count);
    }
  }));
});

Deno.test("compact histograms of parts make that of the whole", () => {
  const parts = fc.array(fc.array(value, { maxLength: 20 }), { maxLength: 5 });
  fc.assert(fc.property(parts, (parts) => {
    const merged = new CompactHistogram();
    for (const part of parts) merged.merge(filled(part));
    const whole = filled(parts.flat());
    assert.deepEqual([...merged.buckets()], [...whole.buckets()]);
    assert.equal(merged.n, whole.n);
    for (const [key] of whole.buckets()) {
      assert.equal(merged.countUpTo(key), whole.countUpTo(key));
    }
    assert.equal(whole.countUpTo(1e9), whole.n);
    assert.equal(whole.countUpTo(-1e9), 0);
  }));
});

Deno.test("an empty histogram has no quantile", () => {
  assert.equal(new CompactHistogram().quantile(0.5), undefined);
});
