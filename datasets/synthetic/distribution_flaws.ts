import type { DistributionKeys, Range } from "./distribution.ts";

/** What is wrong with a distribution, and at which of its keys. */
export interface Flaw {
  readonly message: string;
  readonly key?: keyof DistributionKeys;
}

/** What is wrong with a number, if anything. */
export function breach(
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

/** All that is wrong with a distribution: its keys, else its numbers, else where its middle lies. */
export function flawsOf(keys: DistributionKeys, range: Range): Flaw[] {
  const flaw = keyFlaw(keys);
  if (flaw) return [flaw];
  const flaws = [...boundFlaws(keys, range), ...spreadFlaws(keys)];
  return flaws.length > 0 ? flaws : middleFlaws(keys, range);
}

/** Keys that make a distribution, bounds apart; without any of them there must be both bounds. */
const KINDS = ["mean,stdev", "median,sigma", "mean,sigma"];

function keyFlaw(keys: DistributionKeys): Flaw | undefined {
  const given = (names: readonly (keyof DistributionKeys)[]) =>
    names.filter((name) => keys[name] !== undefined);
  const kind = given(["mean", "median", "stdev", "sigma"]);
  const bounds = given(["min", "max"]);
  const isKnown = KINDS.includes(kind.join()) ||
    (kind.length === 0 && bounds.length === 2);
  if (isKnown) return undefined;
  const found = [...kind, ...bounds].join(", ") || "none of them";
  return {
    message:
      `must have min and max, mean and stdev, or median (or mean) and sigma: current value has ${found}`,
  };
}

function boundFlaws({ min, max }: DistributionKeys, range: Range): Flaw[] {
  const flaws = Object.entries({ min, max }).flatMap(([key, value]) => {
    const message = value === undefined ? undefined : breach(value, range);
    return message === undefined
      ? []
      : [{ key: key as "min" | "max", message }];
  });
  if (min === undefined || max === undefined || min <= max) return flaws;
  const message =
    `must be at most max, which is ${max}: current value is ${min}`;
  return [...flaws, { key: "min", message }];
}

function spreadFlaws({ stdev, sigma }: DistributionKeys): Flaw[] {
  return Object.entries({ stdev, sigma }).flatMap(([key, value = 0]) => {
    if (value >= 0 && value < Infinity) return [];
    const message = `must be 0 or more: current value is ${value}`;
    return [{ key: key as "stdev" | "sigma", message }];
  });
}

function middleFlaws(
  { mean, median, min, max }: DistributionKeys,
  { least, most }: Range,
): Flaw[] {
  const [from, to] = [min ?? least, max ?? most];
  return Object.entries({ mean, median }).flatMap(([key, value = from]) => {
    if (value >= from && value <= to) return [];
    const message =
      `must lie between ${from} and ${to}: current value is ${value}`;
    return [{ key: key as "mean" | "median", message }];
  });
}
