import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../plugins/mod.ts";
import {
  type DistributionKeys,
  parseDistribution,
  type Range,
} from "./distribution.ts";

const TOKENS: Range = { min: 1, max: 10_000, whole: true };
const SECONDS: Range = { min: 0.001, max: 100, whole: false };

/** Draws a number of times. */
function draws(
  distribution: number | string | DistributionKeys,
  { range = TOKENS, count = 20, seed = 1 } = {},
): number[] {
  const draw = parseDistribution(distribution, range);
  assert.ok(typeof draw === "function", JSON.stringify(draw));
  const chance = random(seed, "test");
  return Array.from({ length: count }, () => draw(chance));
}

Deno.test("parseDistribution() parses the short forms", () => {
  const cases: [string, DistributionKeys][] = [
    ["64..256", { min: 64, max: 256 }],
    ["7..7", { min: 7, max: 7 }],
    ["normal:128:32", { mean: 128, stdev: 32 }],
    ["normal:128:32:16..512", { mean: 128, stdev: 32, min: 16, max: 512 }],
    ["normal:128:32:100..", { mean: 128, stdev: 32, min: 100 }],
    ["normal:128.5:32.5:..130", { mean: 128.5, stdev: 32.5, max: 130 }],
    ["lognormal:128:0.6", { median: 128, sigma: 0.6 }],
    ["lognormal:9:2:5..50", { median: 9, sigma: 2, min: 5, max: 50 }],
  ];
  for (const [short, keys] of cases) {
    assert.deepEqual(draws(short), draws(keys), short);
    assert.ok(short === "7..7" || new Set(draws(short)).size > 3, short);
  }
  assert.deepEqual(draws(5), Array(20).fill(5));
});

Deno.test("parseDistribution() draws with the given mean and deviation", () => {
  const sigma = 0.5;
  const spread = Math.sqrt(Math.exp(sigma ** 2) - 1);
  const cases: [DistributionKeys, mean: number, stdev: number][] = [
    [{ min: 100, max: 299 }, 199.5, Math.sqrt((200 ** 2 - 1) / 12)],
    [{ mean: 500, stdev: 50 }, 500, 50],
    [
      { median: 400, sigma },
      400 * Math.exp(sigma ** 2 / 2),
      400 * Math.exp(sigma ** 2 / 2) * spread,
    ],
    [{ mean: 400, sigma }, 400, 400 * spread],
  ];
  for (const [keys, mean, stdev] of cases) {
    const all = draws(keys, { count: 20_000 });
    const drawnMean = all.reduce((sum, x) => sum + x) / all.length;
    const drawnVariance = all.reduce((sum, x) =>
      sum + (x - drawnMean) ** 2, 0) /
      (all.length - 1);
    // The mean of 20,000 is off by stdev/141, one in 15,000 times by four of these.
    assert.ok(
      Math.abs(drawnMean - mean) < 4 * stdev / Math.sqrt(all.length),
      `${JSON.stringify(keys)}: mean ${drawnMean}`,
    );
    const ratio = Math.sqrt(drawnVariance) / stdev;
    assert.ok(Math.abs(ratio - 1) < 0.05, `${JSON.stringify(keys)}: ${ratio}`);
  }
});

Deno.test("parseDistribution() draws all whole numbers of a range, bounds included, equally often", () => {
  const all = draws("3..6", { count: 20_000 });
  for (const value of [3, 4, 5, 6]) {
    const share = all.filter((drawn) => drawn === value).length / all.length;
    assert.ok(Math.abs(share - 0.25) < 0.015, `${value}: ${share}`);
  }
});

Deno.test("parseDistribution() repeats draws outside of the bounds instead of moving them to the bounds", () => {
  const all = draws("normal:100:50:90..110", { count: 20_000 });
  const atBounds = all.filter((x) => x === 90 || x === 110).length / all.length;
  // Nearly uniform over 21 numbers.
  assert.ok(Math.abs(atBounds - 2 / 21) < 0.02, `${atBounds}`);
});

const anyDistribution = fc.tuple(
  fc.constantFrom("uniform", "normal", "median", "mean"),
  fc.integer({ min: 1, max: 10_000 }),
  fc.integer({ min: 1, max: 10_000 }),
  fc.integer({ min: 1, max: 10_000 }),
  fc.double({ min: 0, max: 3000, noNaN: true }),
).map(([kind, ...three]) => {
  const spread = three.pop()!;
  const [min, middle, max] = three.toSorted((a, b) => a - b);
  if (kind === "uniform") return { min, max };
  if (kind === "normal") return { mean: middle, stdev: spread, min, max };
  const sigma = spread / 300;
  return { [kind]: middle, sigma, min, max };
}) as fc.Arbitrary<{ min: number; max: number }>;

Deno.test("parseDistribution() keeps the bounds, draws whole numbers, and depends on the random stream only", () => {
  fc.assert(fc.property(anyDistribution, fc.nat(), (keys, seed) => {
    const drawn = draws(keys, { seed });
    for (const value of drawn) {
      assert.ok(Number.isInteger(value));
      assert.ok(value >= keys.min && value <= keys.max, `${value}`);
    }
    assert.deepEqual(draws(keys, { seed }), drawn);
  }));
});

Deno.test("parseDistribution() draws fractions if the range allows them, within the range", () => {
  const all = draws("normal:1:20", { range: SECONDS, count: 1000 });
  assert.ok(all.every((x) => x >= 0.001 && x <= 100));
  assert.ok(all.some((x) => !Number.isInteger(x)));
  const uniform = draws("0.5..1", { range: SECONDS, count: 1000 });
  assert.ok(uniform.every((x) => x >= 0.5 && x < 1));
});

Deno.test("parseDistribution() names the error and its key", () => {
  const forms =
    "must be a number, MIN..MAX, normal:MEAN:STDEV[:MIN..MAX] or lognormal:MEDIAN:SIGMA[:MIN..MAX], but was ";
  const kinds =
    "must have min and max, mean and stdev, or median (or mean) and sigma, but had ";
  const cases: [
    number | string | DistributionKeys,
    ...[key: string | undefined, message: string][],
  ][] = [
    [0, [undefined, "must be at least 1, but was 0"]],
    [-3, [undefined, "must be at least 1, but was -3"]],
    [1.5, [undefined, "must be a whole number, but was 1.5"]],
    [1e9, [undefined, "must be at most 10000, but was 1000000000"]],
    [NaN, [undefined, "must be a whole number, but was NaN"]],
    ["", [undefined, `${forms}empty`]],
    ["many", [undefined, `${forms}many`]],
    ["normal:128", [undefined, `${forms}normal:128`]],
    ["gamma:1:2", [undefined, `${forms}gamma:1:2`]],
    ["1..", [undefined, `${forms}1..`]],
    ["normal:128:-3", [undefined, `${forms}normal:128:-3`]],
    [{}, [undefined, `${kinds}none`]],
    [{ mean: 3 }, [undefined, `${kinds}mean`]],
    [{ min: 3 }, [undefined, `${kinds}min`]],
    [
      { mean: 3, stdev: 1, sigma: 1 },
      [undefined, `${kinds}mean, stdev, sigma`],
    ],
    [
      { mean: 3, stdev: -1 },
      ["stdev", "must be 0 or more, but was -1"],
    ],
    [
      { median: 3, sigma: -1 },
      ["sigma", "must be 0 or more, but was -1"],
    ],
    [
      "9..3",
      ["min", "must be at most max, which is 3, but was 9"],
    ],
    [
      { min: 0, max: 20_000 },
      ["min", "must be at least 1, but was 0"],
      ["max", "must be at most 10000, but was 20000"],
    ],
    [
      "normal:5:1:8..9",
      ["mean", "must be between 8 and 9, but was 5"],
    ],
    [
      { median: 20_000, sigma: 1 },
      ["median", "must be between 1 and 10000, but was 20000"],
    ],
  ];
  for (const [distribution, ...issues] of cases) {
    const result = parseDistribution(distribution, TOKENS);
    assert.ok(typeof result === "object", JSON.stringify(distribution));
    const found = result.map(({ key, message }) => [key, message]);
    assert.deepEqual(found, issues);
  }
});
