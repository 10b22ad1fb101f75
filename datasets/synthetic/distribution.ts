import type { Random } from "../../plugins/mod.ts";

/**
 * A fixed number, or a distribution to draw from.
 *
 * - `128`: always 128
 * - `{ min, max }`: uniform; in short `"64..256"`
 * - `{ mean, stdev, min, max }`: normal; in short `"normal:128:32"` or `"normal:128:32:16..512"`
 * - `{ median, sigma, min, max }`, or `mean` in place of `median`: lognormal, where `sigma` is the standard
 *   deviation of the logarithm; in short `"lognormal:128:0.6"` (the median) or `"lognormal:128:0.6:16..512"`
 *
 * Draws outside of `min` and `max` are repeated: mean, median and deviations are those without bounds.
 */
export type Distribution =
  | number
  | string
  | { min: number; max: number }
  | { mean: number; stdev: number; min?: number; max?: number }
  | { median: number; sigma: number; min?: number; max?: number }
  | { mean: number; sigma: number; min?: number; max?: number };

/** The keys of a distribution, not validated yet. */
export type DistributionKeys = {
  readonly [Key in "mean" | "stdev" | "median" | "sigma" | "min" | "max"]?:
    | number
    | undefined;
};

/** The numbers that an option allows. */
export interface Range {
  readonly min: number;
  readonly max: number;
  /** Whether they must be whole. */
  readonly whole: boolean;
}

/** Draws a number. */
export type Drawer = (random: Random) => number;

/** An error in a distribution, and the key that it is about. */
export interface DistributionIssue {
  readonly key?: keyof DistributionKeys;
  readonly message: string;
}

/** The rule for distributions that are written in short. */
export const SHORT_FORMS =
  "must be a number, MIN..MAX, normal:MEAN:STDEV[:MIN..MAX] or lognormal:MEDIAN:SIGMA[:MIN..MAX]";

/** Parses a distribution. Returns the function that draws from it, or all that is wrong with it. */
export function parseDistribution(
  distribution: number | string | DistributionKeys,
  range: Range,
): Drawer | readonly DistributionIssue[] {
  if (typeof distribution === "number") {
    const message = outOfRange(distribution, range);
    return message ? [{ message }] : () => distribution;
  }
  const keys = typeof distribution === "string"
    ? parseShortForm(distribution)
    : distribution;
  if (!keys) {
    const message = `${SHORT_FORMS}, but was ${distribution || "empty"}`;
    return [{ message }];
  }
  const issues = issuesOf(keys, range);
  return issues.length > 0 ? issues : drawerOf(keys, range);
}

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const UNIFORM = new RegExp(`^${NUMBER}\\.\\.${NUMBER}$`);
const BELL = new RegExp(
  `^(normal|lognormal):${NUMBER}:${NUMBER}(?::${NUMBER}?\\.\\.${NUMBER}?)?$`,
);

function parseShortForm(text: string): DistributionKeys | undefined {
  const numbers = (texts: readonly (string | undefined)[]) =>
    texts.map((text) => text === undefined ? undefined : Number(text));
  const uniform = text.match(UNIFORM);
  if (uniform) {
    const [min, max] = numbers(uniform.slice(1));
    return { min, max };
  }
  const bell = text.match(BELL);
  if (!bell) return undefined;
  const [middle, spread, min, max] = numbers(bell.slice(2));
  return bell[1] === "normal"
    ? { mean: middle, stdev: spread, min, max }
    : { median: middle, sigma: spread, min, max };
}

function outOfRange(
  value: number,
  { min, max, whole }: Range,
): string | undefined {
  const rule = whole && !Number.isInteger(value)
    ? "must be a whole number"
    : !(value >= min)
    ? `must be at least ${min}`
    : !(value <= max)
    ? `must be at most ${max}`
    : undefined;
  return rule && `${rule}, but was ${value}`;
}

/** The keys that make a distribution, without bounds; with none of them both bounds are required. */
const KINDS = ["mean,stdev", "median,sigma", "mean,sigma"];

/** All issues of the keys; of the numbers only if the keys are right, of the middle only if the other numbers are. */
function issuesOf(keys: DistributionKeys, range: Range): DistributionIssue[] {
  const given = (names: readonly (keyof DistributionKeys)[]) =>
    names.filter((name) => keys[name] !== undefined);
  const kind = given(["mean", "median", "stdev", "sigma"]);
  const bounds = given(["min", "max"]);
  if (
    !KINDS.includes(kind.join()) && (kind.length > 0 || bounds.length < 2)
  ) {
    const message =
      "must have min and max, mean and stdev, or median (or mean) and sigma, but had ";
    return [{ message: message + ([...kind, ...bounds].join(", ") || "none") }];
  }
  const issues: DistributionIssue[] = [];
  const check = (
    names: readonly (keyof DistributionKeys)[],
    messageFor: (value: number) => string | false | undefined,
  ) => {
    for (const key of given(names)) {
      const message = messageFor(keys[key]!);
      if (message) issues.push({ key, message });
    }
  };
  const { min = range.min, max = range.max } = keys;
  check(["min", "max"], (value) => outOfRange(value, range));
  if (min > max && bounds.length === 2) {
    const message = `must be at most max, which is ${max}, but was ${min}`;
    issues.push({ key: "min", message });
  }
  check(
    ["stdev", "sigma"],
    (value) =>
      !(value >= 0 && value < Infinity) &&
      `must be 0 or more, but was ${value}`,
  );
  if (issues.length > 0) return issues;
  check(["mean", "median"], (value) =>
    !(value >= min && value <= max) &&
    `must be between ${min} and ${max}, but was ${value}`);
  return issues;
}

function drawerOf(keys: DistributionKeys, range: Range): Drawer {
  const { mean, median, stdev, sigma } = keys;
  const { min = range.min, max = range.max } = keys;
  const { whole } = range;
  const bounds = { min, max, whole };
  if (sigma !== undefined) {
    // The mean of a lognormal distribution is exp(mu + sigma² / 2), its median exp(mu).
    const mu = median === undefined
      ? Math.log(mean!) - sigma ** 2 / 2
      : Math.log(median);
    return bounded((random) => Math.exp(mu + sigma * normal(random)), bounds);
  }
  if (stdev !== undefined) {
    return bounded((random) => mean! + stdev * normal(random), bounds);
  }
  return whole
    ? (random) => min + Math.floor(random() * (max - min + 1))
    : (random) => min + random() * (max - min);
}

/** Number of draws after which a bound is returned, for distributions that hardly ever fall between the bounds. */
const MAX_DRAWS = 100;

function bounded(draw: Drawer, { min, max, whole }: Range): Drawer {
  return (random) => {
    let value = NaN;
    for (let i = 0; i < MAX_DRAWS; i++) {
      const drawn = draw(random);
      value = whole ? Math.round(drawn) : drawn;
      if (value >= min && value <= max) return value;
    }
    return Math.min(max, Math.max(min, value));
  };
}

/** Draws from the standard normal distribution by the Box–Muller transform. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}
