/** Returns the gaps between start times, the first one from 0. */
export function gapsOf(starts: readonly number[]): number[] {
  return starts.map((atMs, i) => atMs - (starts[i - 1] ?? 0));
}

/** Returns the number of starts in each window of `windowMs` until `endMs`. */
export function countsOf(
  starts: Iterable<number>,
  endMs: number,
  windowMs: number,
): number[] {
  const counts = Array<number>(Math.round(endMs / windowMs)).fill(0);
  for (const atMs of starts) {
    const window = Math.floor(atMs / windowMs);
    if (window >= counts.length) break;
    counts[window]!++;
  }
  return counts;
}

/** Index of dispersion: variance ÷ mean. 1 for the counts of a Poisson process. */
export function dispersionOf(counts: readonly number[]): number {
  const mean = meanOf(counts);
  const squares = counts.reduce((sum, n) => sum + (n - mean) ** 2, 0);
  return squares / (counts.length - 1) / mean;
}

/** Correlation of each value with the next one. */
export function lag1Of(values: readonly number[]): number {
  const mean = meanOf(values);
  let products = 0, squares = 0;
  for (const [i, value] of values.entries()) {
    squares += (value - mean) ** 2;
    const next = values[i + 1];
    if (next !== undefined) products += (value - mean) * (next - mean);
  }
  return products / squares;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/**
 * Largest distance between the values and a distribution function (Kolmogorov and Smirnov). More than 2.23 ÷ √n comes
 * about by chance in one case of some 10,000.
 */
export function ksDistance(
  values: readonly number[],
  cdf: (value: number) => number,
): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.reduce((largest, value, i) => {
    const expected = cdf(value);
    const above = (i + 1) / sorted.length - expected;
    const below = expected - i / sorted.length;
    return Math.max(largest, above, below);
  }, 0);
}

/** Distribution function of the gamma distribution with scale 1, by the series of the lower incomplete gamma function. */
export function gammaCdf(shape: number, x: number): number {
  if (x <= 0) return 0;
  if (x > shape + 40 * Math.sqrt(shape) + 60) return 1;
  let term = 1 / shape, sum = term;
  for (let k = 1; term > sum * 1e-15; k++) {
    term *= x / (shape + k);
    sum += term;
  }
  return Math.exp(shape * Math.log(x) - x - logGamma(shape)) * sum;
}

/** Logarithm of the gamma function, by Stirling's series after moving the argument above 10. */
function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) +
    1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5);
}
