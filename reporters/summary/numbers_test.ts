import assert from "node:assert/strict";
import { formatValue, percent, rounded, seconds, times } from "./numbers.ts";

const cases: [number, string][] = [
  [0, "0.0"],
  [0.004, "0.004"],
  [0.0000312, "0.00003"],
  [-0.004, "-0.004"],
  [0.06, "0.06"],
  [0.0949, "0.09"],
  [0.095, "0.1"],
  [9.94, "9.9"],
  [9.95, "10"],
  [-12.4, "-12"],
  [4218.4, "4218"],
  [9_999_999, "9999999"],
  [12_345_678, "1.2e+7"],
];

for (const [value, text] of cases) {
  Deno.test(`rounded() formats ${value} as ${text}`, () => {
    assert.equal(rounded(value), text);
  });
}

Deno.test("formatValue() formats whole counts without decimals and ratios near 1 with two", () => {
  assert.equal(formatValue(4, "tokens"), "4");
  assert.equal(formatValue(4.5, "count"), "4.5");
  assert.equal(formatValue(4, "ms"), "4.0");
  assert.equal(formatValue(0.974, "ratio"), "0.97");
  assert.equal(formatValue(31.2, "ratio"), "31");
});

Deno.test("percent(), seconds() and times() include their unit", () => {
  assert.equal(percent(0.0312), "3.1 %");
  assert.equal(percent(0.0003), "0.03 %");
  assert.equal(percent(0), "0 %");
  assert.equal(percent(0.00004), "0.004 %");
  assert.equal(percent(0.9995), "> 99.9 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(1.344), "134 %");
  assert.equal(seconds(30_000), "30.0 s");
  assert.equal(times(7.94), "7.9x");
  assert.equal(times(28.4), "28x");
});
