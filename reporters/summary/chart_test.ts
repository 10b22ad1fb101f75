import assert from "node:assert/strict";
import fc from "fast-check";
import { drawTrend } from "./chart.ts";

Deno.test("drawTrend() draws bars from 0 to the largest value", () => {
  assert.equal(drawTrend([0, 1, 4, 8, null, 7.9], 10), "▁▁▄█ █");
  assert.equal(drawTrend([0, 0], 10), "▁▁");
});

Deno.test("drawTrend() averages neighbours that share a character", () => {
  assert.equal(drawTrend([8, 8, 0, 8, null, null, 4, null], 4), "█▄ ▄");
});

Deno.test("drawTrend() never exceeds its width", () => {
  const values = fc.array(
    fc.option(fc.double({ noNaN: true, min: 0, max: 1e300 })),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 80 }), (list, width) => {
      const count = [...drawTrend(list, width)].length;
      assert.equal(count, Math.min(list.length, width));
    }),
  );
});
