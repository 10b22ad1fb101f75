import type { Random } from "../../plugins/mod.ts";

/**
 * How much there is of something: always the same, or drawn anew each time.
 *
 * - `128`: always that
 * - `{ min, max }`: uniform; in short `"64..256"`
 * - `{ mean, stdev, min, max }`: normal; in short `"normal:128:32"` or `"normal:128:32:16..512"`
 * - `{ median, sigma, min, max }`, or `mean` in place of `median`: lognormal, where `sigma` is the standard
 *   deviation of the logarithm; in short `"lognormal:128:0.6"` (the median) or `"lognormal:128:0.6:16..512"`
 *
 * What falls outside of `min` and `max` is drawn again: mean, median and deviations are those without bounds.
 */
export type Distribution =
  | number
  | string
  | { min: number; max: number }
  | { mean: number; stdev: number; min?: number; max?: number }
  | { median: number; sigma: number; min?: number; max?: number }
  | { mean: number; sigma: number; min?: number; max?: number };

/** A distribution, or the attempt to write one. */
export interface DistributionKeys {
  readonly mean?: number | undefined;
  readonly stdev?: number | undefined;
  readonly median?: number | undefined;
  readonly sigma?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** Which numbers make sense for what is drawn. */
export interface Range {
  readonly least: number;
  readonly most: number;
  /** Whether only whole numbers do. */
  readonly whole: boolean;
}

/** What is wrong with a distribution, and at which of its keys. */
export interface Flaw {
  readonly message: string;
  readonly key?: string;
}

/** What a distribution that was written in short must be. */
export const SHORT_FORMS =
  "must be a number, MIN..MAX, normal:MEAN:STDEV[:MIN..MAX] or lognormal:MEDIAN:SIGMA[:MIN..MAX]";

/** Draws a number. */
export type Drawer = (chance: Random) => number;

/** A drawer for a distribution, or all that is wrong with it. */
export function readDistribution(
  distribution: number | string | DistributionKeys,
  range: Range,
): { readonly draw: Drawer } | { readonly flaws: readonly Flaw[] } {
  if (typeof distribution === "number") return always(distribution, range);
  const keys = typeof distribution === "string"
    ? keysOf(distribution)
    : distribution;
  if (keys === undefined) {
    return {
      flaws: [{
        message: `${SHORT_FORMS}: current value is ${distribution || "empty"}`,
      }],
    };
  }
  const flaws = flawsOf(keys, range);
  return flaws.length > 0 ? { flaws } : { draw: drawerOf(keys, range) };
}

function always(
  value: number,
  range: Range,
): ReturnType<typeof readDistribution> {
  const message = breach(value, range);
  return message === undefined
    ? { draw: () => value }
    : { flaws: [{ message }] };
}

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const BOUNDS = String.raw`${NUMBER}?\.\.${NUMBER}?`;
const UNIFORM = new RegExp(`^${NUMBER}\\.\\.${NUMBER}$`);
const BELL = new RegExp(
  `^(normal|lognormal):${NUMBER}:${NUMBER}(?::${BOUNDS})?$`,
);

/** The keys that a short form stands for; undefined if it is none. */
function keysOf(text: string): DistributionKeys | undefined {
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

/** Sets of keys that make a distribution, bounds apart. */
const KINDS: readonly string[] = [
  "",
  "mean,stdev",
  "median,sigma",
  "mean,sigma",
];

function flawsOf(keys: DistributionKeys, range: Range): Flaw[] {
  const { mean, median, stdev, sigma, min, max } = keys;
  const given = (["mean", "median", "stdev", "sigma"] as const).filter((key) =>
    keys[key] !== undefined
  );
  const isBounded = min !== undefined && max !== undefined;
  if (!KINDS.includes(given.join(",")) || (given.length === 0 && !isBounded)) {
    const found = [...given, "min", "max"].filter((key) =>
      keys[key as keyof DistributionKeys] !== undefined
    );
    return [{
      message:
        `must have min and max, mean and stdev, or median (or mean) and sigma: current value has ${
          found.join(", ") || "none of them"
        }`,
    }];
  }
  const flaws: Flaw[] = [];
  const check = (key: keyof DistributionKeys, message: string | undefined) => {
    if (message !== undefined) flaws.push({ key, message });
  };
  const middle = mean ?? median;
  const middleKey = mean !== undefined ? "mean" : "median";
  for (const key of ["min", "max"] as const) {
    check(key, keys[key] === undefined ? undefined : breach(keys[key], range));
  }
  if (isBounded && min > max) {
    check(
      "min",
      `must be at most max, which is ${max}: current value is ${min}`,
    );
  }
  for (const [key, value] of [["stdev", stdev], ["sigma", sigma]] as const) {
    const isSpread = value === undefined || (value >= 0 && value < Infinity);
    if (!isSpread) check(key, `must be 0 or more: current value is ${value}`);
  }
  if (middle !== undefined && flaws.length === 0) {
    const { least, most } = boundsOf(keys, range);
    const within = middle >= least && middle <= most;
    check(
      middleKey,
      within
        ? undefined
        : `must lie between ${least} and ${most}: current value is ${middle}`,
    );
  }
  return flaws;
}

/** What is wrong with a number, if anything. */
function breach(
  value: number,
  { least, most, whole }: Range,
): string | undefined {
  const rule = whole && !Number.isInteger(value)
    ? "must be a whole number"
    : !(value >= least)
    ? `must be at least ${least}`
    : !(value <= most)
    ? `must be at most ${most}`
    : undefined;
  return rule && `${rule}: current value is ${value}`;
}

function boundsOf({ min, max }: DistributionKeys, { least, most }: Range) {
  return { least: min ?? least, most: max ?? most };
}

function drawerOf(keys: DistributionKeys, range: Range): Drawer {
  const { mean, median, stdev, sigma } = keys;
  const { least, most } = boundsOf(keys, range);
  const within = { ...range, least, most };
  if (sigma !== undefined) {
    const middle = median === undefined
      ? Math.log(mean!) - sigma ** 2 / 2
      : Math.log(median);
    return bounded((chance) => Math.exp(middle + sigma * bell(chance)), within);
  }
  if (stdev !== undefined) {
    return bounded((chance) => mean! + stdev * bell(chance), within);
  }
  return range.whole
    ? (chance) => least + Math.floor(chance() * (most - least + 1))
    : (chance) => least + chance() * (most - least);
}

/** Draws that fall outside are drawn again; where next to nothing falls inside, the nearest bound has to do. */
const TRIES = 100;

function bounded(draw: Drawer, { least, most, whole }: Range): Drawer {
  return (chance) => {
    let value = NaN;
    for (let i = 0; i < TRIES; i++) {
      const drawn = draw(chance);
      value = whole ? Math.round(drawn) : drawn;
      if (value >= least && value <= most) return value;
    }
    return Math.min(most, Math.max(least, value));
  };
}

/** A draw from the standard normal distribution, by Box and Muller's transform. */
function bell(chance: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - chance()));
  return radius * Math.cos(2 * Math.PI * chance());
}
