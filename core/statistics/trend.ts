/** How a series develops. */
export interface Trend {
  /** Mean of the first third of the series. */
  readonly first: number;
  /** Mean of the last third. */
  readonly last: number;
  /** Slope ÷ its standard error, of a straight line whose errors depend on the ones before. */
  readonly score: number;
}

/** Values below which no slope is judged. */
const MIN_VALUES = 12;
/** Score from which a series grows. */
const MIN_SCORE = 4;
/** Growth that matters, as a share of the first third. */
const MIN_SHARE = 0.2;

/**
 * Whether a series grows steadily, such as a queue above the server's capacity does. The values are means over periods of
 * equal length, in order; 20 to 40 are best. A period without a value is `undefined` and left out.
 *
 * The rule: the slope of a straight line through them is at least 4 standard errors above 0, and the mean of the last
 * third exceeds that of the first third by at least 20 % and by at least `atLeast`. The line is fitted by Prais and
 * Winsten's method, as neighbouring values of a queue depend on each other: for independent values it is the method of
 * least squares, and for a random walk it compares the ends, so that a stable queue that wanders is rarely called growing.
 * Single looks at stable queues of eight servers alarm in less than 1 % of the cases up to 90 % of capacity, and in
 * 3 % at 95 %.
 *
 * @param atLeast Growth that matters, in the unit of the values: 3 requests, 200 ms.
 * @returns False if there are fewer than 12 values.
 */
export function isGrowing(
  values: readonly (number | undefined)[],
  atLeast: number,
): boolean {
  const trend = trendOf(values);
  if (trend === undefined || trend.score < MIN_SCORE) return false;
  const growth = trend.last - trend.first;
  return growth >= atLeast && growth >= MIN_SHARE * trend.first;
}

/** Returns how a series develops; `undefined` if there are fewer than 12 values. */
export function trendOf(
  values: readonly (number | undefined)[],
): Trend | undefined {
  const known = values.filter((value) => value !== undefined);
  const n = known.length;
  if (n < MIN_VALUES) return undefined;
  const third = Math.floor(n / 3);
  return {
    first: meanOf(known.slice(0, third)),
    last: meanOf(known.slice(n - third)),
    score: scoreOf(known),
  };
}

/** Values below which a series is not called steady. */
const MIN_STEADY = 8;
/** Difference between the halves of a steady series, as a share of the larger one. */
const STEADY_SHARE = 0.1;
/** The same in standard errors, which decides where the values scatter more. */
const STEADY_ERRORS = 2;

/**
 * Whether a series is steady: the means of its halves differ by at most 10 %, or by at most 2 standard errors.
 *
 * @returns False if there are fewer than 8 values.
 */
export function isSteady(values: readonly (number | undefined)[]): boolean {
  const known = values.filter((value) => value !== undefined);
  if (known.length < MIN_STEADY) return false;
  const half = known.length >> 1;
  const [before, after] = [known.slice(0, half), known.slice(-half)];
  const [a, b] = [meanOf(before), meanOf(after)];
  const error = Math.sqrt(
    (varianceOf(before, a) + varianceOf(after, b)) / half,
  );
  return Math.abs(b - a) <= Math.max(
    STEADY_SHARE * Math.max(Math.abs(a), Math.abs(b)),
    STEADY_ERRORS * error,
  );
}

/** Slope ÷ its standard error, of a line whose errors are an autoregressive process of order one. */
function scoreOf(values: readonly number[]): number {
  const n = values.length;
  const times = values.map((_, i) => i - (n - 1) / 2);
  const plain = fitLine(values.map((y, i) => [1, times[i]!, y]));
  const r = correlationOf(
    values.map((y, i) => y - plain.level - plain.slope * times[i]!),
  );
  // What each value adds to what the one before predicts.
  const { slope, slopeError } = fitLine(values.map((y, i) => {
    const scale = Math.sqrt(1 - r * r);
    if (i === 0) return [scale, scale * times[0]!, scale * y];
    return [1 - r, times[i]! - r * times[i - 1]!, y - r * values[i - 1]!];
  }));
  if (slopeError > 0) return slope / slopeError;
  return slope === 0 ? 0 : slope * Infinity;
}

/** Correlation of neighbouring errors. A fitted line takes some of it away, which is added again. */
function correlationOf(errors: readonly number[]): number {
  const n = errors.length;
  let products = 0, squares = 0;
  errors.forEach((error, i) => {
    squares += error ** 2;
    products += error * (errors[i - 1] ?? 0);
  });
  if (squares === 0) return 0;
  const corrected = (n * products / squares + 2) / (n - 4);
  return Math.min(1 - 1 / n, Math.max(0, corrected));
}

/** Fits `y = level · u + slope · v` by least squares to rows of u, v and y. */
function fitLine(rows: readonly (readonly number[])[]) {
  let uu = 0, uv = 0, vv = 0, uy = 0, vy = 0;
  for (const [u, v, y] of rows as [number, number, number][]) {
    uu += u * u, uv += u * v, vv += v * v, uy += u * y, vy += v * y;
  }
  const determinant = uu * vv - uv * uv;
  const slope = (uu * vy - uv * uy) / determinant;
  const level = (vv * uy - uv * vy) / determinant;
  let squares = 0;
  for (const [u, v, y] of rows as [number, number, number][]) {
    squares += (y - level * u - slope * v) ** 2;
  }
  const variance = squares / (rows.length - 2);
  return { level, slope, slopeError: Math.sqrt(variance * uu / determinant) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample variance. */
function varianceOf(values: readonly number[], mean: number): number {
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) /
    (values.length - 1);
}
