import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../lib/random.ts";
import { poissonArrivals } from "../arrivals.ts";
import { ArrivalTimes } from "./arrival_times.ts";

function processOf(times: Iterable<number>, max?: number) {
  const arrivals = new ArrivalTimes(max);
  for (const atMs of times) arrivals.add(atMs);
  return arrivals.process();
}

function poisson(n: number): number[] {
  const times = poissonArrivals(50, random(1, "arrivals"));
  return Iterator.from(times).take(n).toArray();
}

Deno.test("a Poisson process has a dispersion of 1 and independent gaps", () => {
  const { n, ratePerSecond, dispersion, gapCorrelation } = processOf(
    poisson(20_000),
  )!;
  assert.equal(n, 20_000);
  assert.ok(Math.abs(ratePerSecond - 50) < 1);
  assert.ok(Math.abs(dispersion! - 1) < 0.1, `${dispersion}`);
  assert.ok(Math.abs(gapCorrelation!) < 0.02, `${gapCorrelation}`);
});

Deno.test("a constant rate has no dispersion and no gaps that could be correlated", () => {
  const times = Array.from({ length: 1001 }, (_, i) => i * 8);
  const { ratePerSecond, dispersion, gapCorrelation } = processOf(times)!;
  assert.equal(ratePerSecond, 125);
  assert.ok(dispersion! < 0.01);
  assert.equal(gapCorrelation, undefined);
});

Deno.test("bursts have a high dispersion, and alternating gaps a negative correlation", () => {
  const bursts = Array.from(
    { length: 1000 },
    (_, i) => Math.floor(i / 100) * 1000 + i % 100,
  );
  assert.ok(processOf(bursts)!.dispersion! > 10);
  const alternating = Array.from({ length: 101 }, (_, i) => i * 10 + i % 2);
  assert.ok(processOf(alternating)!.gapCorrelation! < -0.9);
});

Deno.test("few arrivals have a rate and no dispersion, one has nothing", () => {
  assert.deepEqual(processOf([0, 500, 1000]), { n: 3, ratePerSecond: 2 });
  assert.equal(processOf([5]), undefined);
  assert.equal(processOf([5, 5]), undefined);
  assert.equal(processOf([]), undefined);
});

Deno.test("the earliest times are kept, whatever the order and the parts", () => {
  const times = poisson(900);
  const expected = processOf(times, 300)!;
  assert.equal(expected.n, 900);
  assert.equal(expected.dispersion, processOf(times.slice(0, 300))!.dispersion);
  const order = fc.array(fc.nat(2), { minLength: 900, maxLength: 900 });
  fc.assert(
    fc.property(order, (parts) => {
      const merged = new ArrivalTimes(300);
      for (const part of [1, 2, 0]) {
        const arrivals = new ArrivalTimes(300);
        for (const [i, atMs] of times.entries()) {
          if (parts[i] === part) arrivals.add(atMs);
        }
        merged.merge(arrivals);
      }
      assert.deepEqual(merged.process(), expected);
    }),
    { numRuns: 20 },
  );
});
