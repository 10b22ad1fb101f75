import assert from "node:assert/strict";
import { formatInterval, formatNumber, formatValue, plural } from "./format.ts";

Deno.test("formatNumber() has three digits", () => {
  const numbers: [number, string][] = [
    [0, "0"],
    [0.0001, "1.0e-4"],
    [0.0421, "0.042"],
    [1, "1"],
    [1.234, "1.23"],
    [45.67, "45.7"],
    [99.97, "100"],
    [789.4, "789"],
    [12345.6, "12,346"],
    [-12345.6, "-12,346"],
    [1234567, "1,234,567"],
    [2e9, "2.0e+9"],
  ];
  for (const [value, text] of numbers) assert.equal(formatNumber(value), text);
});

Deno.test("formatValue() has the unit", () => {
  assert.equal(formatValue(0.034, "share"), "3.4 %");
  assert.equal(formatValue(9400, "ms"), "9,400 ms");
  assert.equal(formatValue(12_000, "ms"), "12 s");
  assert.equal(formatValue(0.97, "ratio"), "0.97×");
  assert.equal(formatValue(20, "/s"), "20/s");
  assert.equal(formatValue(20, "tokens/s"), "20 tokens/s");
});

Deno.test("formatInterval() has a shared unit once", () => {
  assert.equal(
    formatInterval({ lower: 201, upper: 230 }, "ms"),
    "201 – 230 ms",
  );
  assert.equal(
    formatInterval({ lower: 9000, upper: 12_000 }, "ms"),
    "9,000 ms – 12 s",
  );
  assert.equal(formatInterval({ lower: 1.5, upper: 2 }, "count"), "1.5 – 2");
});

Deno.test("plural() counts things", () => {
  assert.equal(plural(1, "request"), "1 request");
  assert.equal(plural(2400, "request"), "2,400 requests");
});
