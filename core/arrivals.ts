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

function check(ratePerSecond: number): void {
  if (!(ratePerSecond > 0 && ratePerSecond < Infinity)) {
    throw new RangeError(
      `ratePerSecond must be a positive number, but was ${ratePerSecond}`,
    );
  }
}
