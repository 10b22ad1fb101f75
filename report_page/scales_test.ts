import assert from "node:assert/strict";
import fc from "fast-check";
import { logScale } from "./scales.ts";

Deno.test("logScale() labels round values", () => {
  assert.deepEqual(logScale([41, 700]).ticks, [
    50,
    70,
    100,
    200,
    300,
    500,
    700,
  ]);
  assert.deepEqual(logScale([1, 1e6]).ticks.length, 7);
  assert.deepEqual(logScale([60, 64]).ticks, [50, 70]);
});

Deno.test("logScale() has a range for no value, and leaves out values without a place", () => {
  assert.deepEqual(logScale([]), logScale([1, 10]));
  assert.deepEqual(logScale([0, -5, NaN, Infinity, 3]), logScale([3]));
});

Deno.test("logScale() contains the values and a few labels", () => {
  const value = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
  fc.assert(fc.property(fc.array(value, { minLength: 1 }), (values) => {
    const { min, max, ticks } = logScale(values);
    assert.ok(min < Math.min(...values) && max > Math.max(...values));
    assert.ok(ticks.length >= 1 && ticks.length <= 7, String(ticks));
    assert.ok(ticks.every((tick) => tick >= min && tick <= max));
  }));
});
