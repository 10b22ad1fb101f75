import assert from "node:assert/strict";
import fc from "fast-check";
import { type Random, random } from "./random.ts";

function draw(source: Random, count: number): number[] {
  return Array.from({ length: count }, () => source());
}

Deno.test("random() never changes its numbers: saved seeds must stay valid", () => {
  const known: [number, string, number[]][] = [
    [7, "arrivals", [1024129425, 2114865746, 3837405414, 1023257967]],
    [7, "shuffle", [739860862, 2389931629, 2196470132, 2565604841]],
    [0, "", [64184525, 946577282, 135250168, 34520963]],
    [2 ** 40 + 7, "arrivals", [1893126343, 1800849150, 790526316, 1870179330]],
    [-1, "x", [1547451343, 1178717671, 3478988378, 1379631838]],
  ];
  for (const [seed, purpose, expected] of known) {
    const words = draw(random(seed, purpose), 4).map((u) => u * 2 ** 32);
    assert.deepEqual(words, expected, `${seed} ${purpose}`);
  }
});

Deno.test("random() stays in [0, 1) and repeats itself for the same seed and purpose", () => {
  fc.assert(fc.property(fc.maxSafeInteger(), fc.string(), (seed, purpose) => {
    const numbers = draw(random(seed, purpose), 20);
    assert.ok(numbers.every((u) => u >= 0 && u < 1));
    assert.deepEqual(draw(random(seed, purpose), 20), numbers);
  }));
});

Deno.test("random() gives each seed and purpose numbers of their own", () => {
  const firsts = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    for (const purpose of ["a", "b", "ab", "ba", "arrivals/0", "arrivals/1"]) {
      firsts.add(random(seed, purpose)());
    }
  }
  assert.equal(firsts.size, 600);
});

Deno.test("random() streams of neighbouring seeds and purposes are not correlated", () => {
  const pairs = [
    [random(1, "a"), random(2, "a")],
    [random(1, "a"), random(1, "b")],
    [random(1, "arrivals/0"), random(1, "arrivals/1")],
  ] as const;
  const count = 20_000;
  for (const [x, y] of pairs) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (x() - 0.5) * (y() - 0.5);
    const correlation = 12 * sum / count;
    assert.ok(Math.abs(correlation) < 4 / Math.sqrt(count), `${correlation}`);
  }
});

Deno.test("random() is uniform, and successive numbers are independent", () => {
  const source = random(42, "uniform");
  const counts = new Float64Array(256);
  const draws = 256 * 400;
  let before = Math.floor(source() * 16);
  for (let i = 0; i < draws; i++) {
    const now = Math.floor(source() * 16);
    counts[before * 16 + now]!++;
    before = now;
  }
  const chiSquare = counts.reduce((sum, n) => sum + (n - 400) ** 2 / 400, 0);
  // 255 degrees of freedom: mean 255, sd √510; within four of these
  assert.ok(Math.abs(chiSquare - 255) < 4 * Math.sqrt(510), `${chiSquare}`);
});
