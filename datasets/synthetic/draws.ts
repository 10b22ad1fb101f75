import type { Random } from "../../plugins/mod.ts";
import type { DistributionKeys, Drawer, Range } from "./distribution.ts";

/** What draws from a distribution in which nothing is wrong. */
export function drawerOf(
  { mean, median, stdev, sigma, min, max }: DistributionKeys,
  { whole, ...range }: Range,
): Drawer {
  const { least, most } = {
    least: min ?? range.least,
    most: max ?? range.most,
  };
  const within = { least, most, whole };
  if (sigma !== undefined) {
    // The mean of a lognormal distribution is exp(mu + sigma² / 2), its median exp(mu).
    const mu = median === undefined
      ? Math.log(mean!) - sigma ** 2 / 2
      : Math.log(median);
    return bounded((chance) => Math.exp(mu + sigma * bell(chance)), within);
  }
  if (stdev !== undefined) {
    return bounded((chance) => mean! + stdev * bell(chance), within);
  }
  return whole
    ? (chance) => least + Math.floor(chance() * (most - least + 1))
    : (chance) => least + chance() * (most - least);
}

/** Draws before a bound has to do, where next to nothing falls between the bounds. */
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
