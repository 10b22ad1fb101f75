import type { Random } from "../../plugins/mod.ts";
import { breach, type Flaw, flawsOf } from "./distribution_flaws.ts";
import { drawerOf } from "./draws.ts";

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

/** Draws a number. */
export type Drawer = (chance: Random) => number;

/** What a distribution that was written in short must be. */
export const SHORT_FORMS =
  "must be a number, MIN..MAX, normal:MEAN:STDEV[:MIN..MAX] or lognormal:MEDIAN:SIGMA[:MIN..MAX]";

/** A drawer for a distribution, or all that is wrong with it. */
export function readDistribution(
  distribution: number | string | DistributionKeys,
  range: Range,
): { readonly draw: Drawer } | { readonly flaws: readonly Flaw[] } {
  if (typeof distribution === "number") {
    const message = breach(distribution, range);
    return message === undefined
      ? { draw: () => distribution }
      : { flaws: [{ message }] };
  }
  const keys = typeof distribution === "string"
    ? keysOf(distribution)
    : distribution;
  if (keys === undefined) {
    const found = distribution || "empty";
    return {
      flaws: [{ message: `${SHORT_FORMS}: current value is ${found}` }],
    };
  }
  const flaws = flawsOf(keys, range);
  return flaws.length > 0 ? { flaws } : { draw: drawerOf(keys, range) };
}

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const UNIFORM = new RegExp(`^${NUMBER}\\.\\.${NUMBER}$`);
const BELL = new RegExp(
  `^(normal|lognormal):${NUMBER}:${NUMBER}(?::${NUMBER}?\\.\\.${NUMBER}?)?$`,
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
