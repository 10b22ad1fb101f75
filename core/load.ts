import { constant, poisson } from "./arrivals.ts";
import type { Random } from "../lib/random.ts";
import type { StageReport } from "./report.ts";

/** A part of a run with one load setting. */
export interface Stage {
  /** For people: `8 streams`, `poisson 200/s`. */
  readonly name: string;
  /** For the report: `{ kind: "concurrent", concurrency: 8 }`. */
  readonly load: Readonly<Record<string, unknown>>;
  /** Open loop: start times in milliseconds from the start of the stage. Closed loop: how many in flight. */
  readonly arrivals: Iterable<number> | { readonly concurrency: number };
  /** Open loop: arrivals beyond this many in flight are dropped and counted. @default {Infinity} */
  readonly maxInFlight?: number;
}

/**
 * Offers load, stage by stage; sees each stage's result before it decides on the next.
 *
 * @param stream Gives a source of chance for a purpose, from the run's seed.
 */
export type LoadProfile = (
  stream: (purpose: string) => Random,
) => Generator<Stage, void, StageReport>;

/**
 * Closed loop: as many sessions as given are in flight at any time; one stage for each number.
 *
 * @example Usage
 * ```ts
 * import { concurrent } from "@earshot/earshot";
 *
 * const load = concurrent([1, 8, 32]);
 * ```
 *
 * @param streams Sessions in flight.
 * @throws {RangeError} If one of them is not a positive integer, or there is none.
 */
export function concurrent(streams: readonly number[]): LoadProfile {
  checkSome("concurrent", streams);
  for (const concurrency of streams) {
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new RangeError(
        `Cannot keep sessions in flight as 'concurrent' must be a positive integer: current value is ${concurrency}`,
      );
    }
  }
  return function* () {
    for (const concurrency of streams) {
      yield {
        name: concurrency === 1 ? "1 stream" : `${concurrency} streams`,
        load: { kind: "concurrent", concurrency },
        arrivals: { concurrency },
      };
    }
  };
}

/** How an open-loop profile treats a slow server. */
export interface OpenLoopOptions {
  /** Arrivals beyond this many in flight are dropped and counted. @default {Infinity} */
  readonly maxInFlight?: number;
}

/**
 * Open loop: requests start at a fixed rate, whatever the server does; one stage for each rate.
 *
 * @param arrival `constant` for even gaps, `poisson` for independent, exponentially distributed ones.
 * @param ratesPerSecond Mean starts per second.
 * @throws {RangeError} If a rate is not above 0, there is none, or `maxInFlight` is not a positive integer.
 */
export function openLoop(
  arrival: "constant" | "poisson",
  ratesPerSecond: readonly number[],
  { maxInFlight = Infinity }: OpenLoopOptions = {},
): LoadProfile {
  checkSome(arrival, ratesPerSecond);
  const isLimit = Number.isInteger(maxInFlight) || maxInFlight === Infinity;
  if (!isLimit || maxInFlight < 1) {
    throw new RangeError(
      `Cannot offer load as 'maxInFlight' must be a positive integer: current value is ${maxInFlight}`,
    );
  }
  for (const rate of ratesPerSecond) {
    if (!(rate > 0 && rate < Infinity)) {
      throw new RangeError(
        `Cannot offer load as the rate of '${arrival}' must be above 0 per second: current value is ${rate}`,
      );
    }
  }
  return function* (stream) {
    for (const [i, ratePerSecond] of ratesPerSecond.entries()) {
      yield {
        name: `${arrival} ${ratePerSecond}/s`,
        load: {
          kind: arrival,
          ratePerSecond,
          ...(maxInFlight < Infinity && { maxInFlight }),
        },
        arrivals: arrival === "constant"
          ? constant(ratePerSecond)
          : poisson(ratePerSecond, stream(`arrivals/${i}`)),
        maxInFlight,
      };
    }
  };
}

function checkSome(name: string, settings: readonly number[]): void {
  if (settings.length === 0) {
    throw new RangeError(
      `Cannot offer load as '${name}' must name at least one setting: current value is an empty list`,
    );
  }
}
