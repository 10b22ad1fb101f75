import type { Random } from "../lib/random.ts";

/**
 * Returns start times at even gaps of 1 ÷ rate, the first one at 0.
 *
 * @param ratePerSecond Requests per second. Must be above 0.
 * @returns Ascending offsets from the start of the stage, in milliseconds.
 * @throws {RangeError} If `ratePerSecond` is not a positive number.
 */
export function* constantArrivals(
  ratePerSecond: number,
): Generator<number, never> {
  check(ratePerSecond);
  for (let i = 0;; i++) yield i * 1000 / ratePerSecond;
}

/**
 * Returns start times of a Poisson process: independent, exponentially distributed gaps, `−ln(1 − u) ÷ rate`.
 *
 * @param ratePerSecond Mean requests per second. Must be above 0.
 * @param random Source of randomness.
 * @returns Ascending offsets from the start of the stage, in milliseconds.
 * @throws {RangeError} If `ratePerSecond` is not a positive number.
 */
export function* poissonArrivals(
  ratePerSecond: number,
  random: Random,
): Generator<number, never> {
  check(ratePerSecond);
  let atMs = 0;
  while (true) {
    atMs += -Math.log(1 - random()) * 1000 / ratePerSecond;
    yield atMs;
  }
}

/**
 * Returns start times whose gaps have a gamma distribution with mean 1 ÷ rate and shape `burstiness`: the gaps' squared
 * coefficient of variation is 1 ÷ burstiness. 1 is a Poisson process, less is burstier, more is more even.
 *
 * @param ratePerSecond Mean requests per second. Must be above 0.
 * @param burstiness Shape of the distribution, as in vLLM's benchmark. Must be above 0.
 * @param random Source of randomness.
 * @returns Ascending offsets from the start of the stage, in milliseconds.
 * @throws {RangeError} If `ratePerSecond` or `burstiness` is not a positive number.
 */
export function* gammaArrivals(
  ratePerSecond: number,
  burstiness: number,
  random: Random,
): Generator<number, never> {
  check(ratePerSecond);
  check(burstiness, "burstiness");
  let atMs = 0;
  while (true) {
    atMs += gamma(burstiness, random) * 1000 / (ratePerSecond * burstiness);
    yield atMs;
  }
}

/**
 * Returns start times of a process whose rate changes, by time rescaling: the start of a process of one request a second
 * at `s` seconds is moved to the time when the expected number of requests reaches `s`.
 *
 * @param unitArrivals Starts at a rate of 1 a second, in milliseconds: `poissonArrivals(1, random)`.
 * @param timeOf Inverse of the cumulative rate: the time in milliseconds by which a number of requests is expected.
 * @returns Ascending offsets from the start of the stage, in milliseconds.
 */
export function* rescaledArrivals(
  unitArrivals: Iterable<number>,
  timeOf: (requests: number) => number,
): Generator<number, void> {
  let lastMs = 0;
  for (const atMs of unitArrivals) {
    lastMs = Math.max(lastMs, timeOf(atMs / 1000)); // rounding may swap starts that are next to each other
    yield lastMs;
  }
}

/**
 * Draws from the gamma distribution with a shape and scale 1, exactly, by rejection: Marsaglia and Tsang, "A Simple
 * Method for Generating Gamma Variables", ACM TOMS 26 (2000). A shape below 1 is drawn at shape + 1 and multiplied by
 * U^(1 ÷ shape).
 */
function gamma(shape: number, random: Random): number {
  if (shape < 1) {
    return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  }
  const d = shape - 1 / 3, c = 1 / Math.sqrt(9 * d);
  while (true) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const bound = 0.5 * x ** 2 + d * (1 - v + Math.log(v));
    if (Math.log(1 - random()) < bound) return d * v;
  }
}

/** Draws from the standard normal distribution: Box and Muller (1958). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

function check(value: number, name = "ratePerSecond"): void {
  if (!(value > 0 && value < Infinity)) {
    throw new RangeError(`${name} must be a positive number, but was ${value}`);
  }
}
