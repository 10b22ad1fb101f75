// Normal, Student t and beta distributions, as far as confidence intervals need them.

/** The share of a standard normal distribution that lies below `x`. */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 0) return 1 - normalCdf(-x);
  return x < NORMAL_TAIL ? normalTail(-x) : normalSeries(x);
}

/**
 * The value below which a share `p` of a standard normal distribution lies.
 *
 * @throws {RangeError} If `p` is not between 0 and 1.
 */
export function normalQuantile(p: number): number {
  requireShare("p", p);
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  return solve({ cdf: normalCdf, density: normalDensity }, p, {
    from: -40,
    to: 0,
    start: -1,
  });
}

/** The share of a Student t distribution that lies below `t`. */
export function studentCdf(t: number, degreesOfFreedom: number): number {
  requirePositive("degreesOfFreedom", degreesOfFreedom);
  const x = degreesOfFreedom / (degreesOfFreedom + t * t);
  const tail = regularizedBeta(x, degreesOfFreedom / 2, 0.5) / 2;
  return t < 0 ? tail : 1 - tail;
}

/**
 * The value below which a share `p` of a Student t distribution lies.
 *
 * @throws {RangeError} If `p` is not between 0 and 1, or the degrees of freedom are not above 0.
 */
export function studentQuantile(p: number, degreesOfFreedom: number): number {
  requireShare("p", p);
  requirePositive("degreesOfFreedom", degreesOfFreedom);
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p > 0.5) return -studentQuantile(1 - p, degreesOfFreedom);
  const half = degreesOfFreedom / 2;
  // Either form loses digits where its share is near 1.
  if (p > 0.25) {
    const y = betaQuantile(1 - 2 * p, 0.5, half);
    return -Math.sqrt(degreesOfFreedom * y / (1 - y));
  }
  const x = betaQuantile(2 * p, half, 0.5);
  return -Math.sqrt(degreesOfFreedom * (1 - x) / x);
}

/**
 * The regularized incomplete beta function I_x(a, b): the share of a beta distribution that lies below `x`. By its
 * continued fraction (Press et al., Numerical Recipes, §6.4).
 *
 * @throws {RangeError} If `x` is not between 0 and 1, or `a` or `b` is not above 0.
 */
export function regularizedBeta(x: number, a: number, b: number): number {
  requireShare("x", x);
  requirePositive("a", a);
  requirePositive("b", b);
  if (x === 0 || x === 1) return x;
  // The fraction converges quickly below the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a);
  return x * (1 - x) * betaDensity(x, a, b) * betaFraction(x, a, b) / a;
}

/**
 * The value below which a share `p` of a beta distribution lies.
 *
 * @throws {RangeError} If `p` is not between 0 and 1, or `a` or `b` is not above 0.
 */
export function betaQuantile(p: number, a: number, b: number): number {
  requireShare("p", p);
  requirePositive("a", a);
  requirePositive("b", b);
  if (p === 0 || p === 1) return p;
  return solve(
    {
      cdf: (x) => regularizedBeta(x, a, b),
      density: (x) => betaDensity(x, a, b),
    },
    p,
    { from: 0, to: 1, start: a / (a + b) },
  );
}

/** Bounds of an unknown value. */
export interface Bounds {
  /** Lower end. */
  readonly lower: number;
  /** Upper end. */
  readonly upper: number;
}

/**
 * Exact bounds of a share (Clopper and Pearson, 1934), from `failures` among `n`. Either may be no whole number, as the
 * counts of correlated values are reduced to effective ones. Each bound fails with a probability of at most
 * (1 − confidence) ÷ 2.
 *
 * @throws {RangeError} If a count is below 0, there are more failures than n, or the confidence is not between 0 and 1.
 */
export function shareBounds(
  { failures, n }: { readonly failures: number; readonly n: number },
  confidence: number,
): Bounds {
  if (!(failures >= 0 && failures <= n && n < Infinity)) {
    throw new RangeError(
      `failures must be between 0 and n, but was ${failures} of ${n}`,
    );
  }
  requireShare("confidence", confidence);
  const tail = (1 - confidence) / 2, rest = n - failures;
  return {
    lower: failures === 0 ? 0 : betaQuantile(tail, failures, rest + 1),
    upper: rest === 0 ? 1 : betaQuantile(1 - tail, failures + 1, rest),
  };
}

/**
 * Bounds of the mean of independent values by Student's t, such as a figure of several runs. `undefined` for fewer than
 * two values.
 */
export function meanInterval(
  values: readonly number[],
  confidence: number,
): Bounds & { readonly mean: number } | undefined {
  requireShare("confidence", confidence);
  const n = values.length;
  if (n < 2) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const reach = studentQuantile((1 + confidence) / 2, n - 1) *
    Math.sqrt(squares / (n - 1) / n);
  return { mean, lower: mean - reach, upper: mean + reach };
}

/** Below this the continued fraction is used, as the series loses relative accuracy. */
const NORMAL_TAIL = -3;

function normalDensity(x: number): number {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/** ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …) (Marsaglia, 2004). */
function normalSeries(x: number): number {
  let sum = x, term = x;
  for (let i = 3, before = NaN; sum !== before; i += 2) {
    before = sum;
    term *= x * x / i;
    sum += term;
  }
  return 0.5 + normalDensity(x) * sum;
}

/** φ(x) ÷ (x + 1/(x + 2/(x + …))) (Laplace): the share above `x`, for large `x`. */
function normalTail(x: number): number {
  let fraction = x;
  for (let i = 100; i > 0; i--) fraction = x + i / fraction;
  return normalDensity(x) / fraction;
}

function betaDensity(x: number, a: number, b: number): number {
  return Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) +
      (a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x),
  );
}

/** Terms after which the continued fraction is cut: it takes about √max(a, b). */
const MAX_TERMS = 20_000;
const TINY = 1e-300;
const PRECISION = 1e-15;

/** The continued fraction of the incomplete beta function, by the method of Lentz. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1, d = 1 / nonZero(1 - (a + b) * x / (a + 1)), value = d;
  for (let m = 1; m <= MAX_TERMS; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    let factor = 1;
    for (const term of [even, odd]) {
      d = 1 / nonZero(1 + term * d);
      c = nonZero(1 + term / c);
      factor = c * d;
      value *= factor;
    }
    if (Math.abs(factor - 1) < PRECISION) break;
  }
  return value;
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

const LANCZOS = [
  676.5203681218851,
  -1259.1392167224028,
  771.32342877765313,
  -176.61502916214059,
  12.507343278686905,
  -0.13857109526572012,
  9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** The logarithm of Γ(x) for x > 0 (Lanczos, with g = 7). */
function logGamma(x: number): number {
  if (x < 0.5) {
    return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  }
  let sum = 0.99999999999980993;
  LANCZOS.forEach((weight, i) => sum += weight / (x + i));
  const t = x + 6.5;
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(t) - t +
    Math.log(sum);
}

const MAX_STEPS = 200;

/** The value at which a rising distribution function is `p`: by Newton's steps, halving the range where one leaves it. */
function solve(
  { cdf, density }: {
    cdf(x: number): number;
    density(x: number): number;
  },
  p: number,
  { from, to, start }: { from: number; to: number; start: number },
): number {
  let x = start;
  for (let i = 0; i < MAX_STEPS; i++) {
    const above = cdf(x) - p;
    if (above === 0) return x;
    if (above > 0) to = x;
    else from = x;
    const next = x - above / density(x);
    const kept = next > from && next < to ? next : (from + to) / 2;
    if (Math.abs(kept - x) <= PRECISION * Math.abs(kept)) return kept;
    x = kept;
  }
  return x;
}

function requireShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new RangeError(`${name} must be between 0 and 1, but was ${value}`);
}

function requirePositive(name: string, value: number): void {
  if (value > 0 && value < Infinity) return;
  throw new RangeError(`${name} must be above 0, but was ${value}`);
}
