import { z } from "zod";
import {
  constantArrivals,
  defineLoad,
  type LoadPlugin,
  poissonArrivals,
  type StageReport,
} from "../plugins/mod.ts";
import { streamCount } from "./options.ts";

/** Options of {@linkcode sweep}. */
export interface SweepOptions {
  /** Number of rates between those of one request at a time and of as many as possible. @default {8} */
  points?: number | undefined;
  /** How the rates are spaced. @default {"linear"} */
  spacing?: "linear" | "logarithmic" | undefined;
  /** Arrivals at each rate. @default {"poisson"} */
  process?: "poisson" | "constant" | undefined;
  /** Sessions in flight of the stage that measures the largest throughput. @default {256} */
  maxInFlight?: number | undefined;
  /** Whether rates above the first that the server cannot keep up with are offered too. @default {false} */
  pastKnee?: boolean | undefined;
}

/** Length of a stage where the run has no duration and no number of requests, in milliseconds. */
const STAGE_MS = 30_000;
/** A server keeps up with a rate if it answers this share of the requests that were due. */
const KEPT_UP = 0.95;

/**
 * One request at a time, then as many as possible, then rates between the two, until the server cannot keep up with one:
 * the curve of latency over throughput.
 */
export const sweep: LoadPlugin<SweepOptions> = defineLoad({
  name: "sweep",
  summary: "From one request at a time to the largest throughput, rate by rate",
  primary: "points",
  options: z.strictObject({
    points: z.int().min(1).max(1000).default(8).describe(
      "Number of rates, up to the largest throughput",
    ),
    spacing: z.enum(["linear", "logarithmic"]).default("linear").describe(
      "How the rates are spaced",
    ),
    process: z.enum(["poisson", "constant"]).default("poisson").describe(
      "Arrivals at each rate",
    ),
    maxInFlight: streamCount.default(256).describe(
      "Sessions in flight of the stage that measures the largest throughput",
    ),
    pastKnee: z.boolean().default(false).describe(
      "Whether rates above the first that the server cannot keep up with are offered too",
    ),
  }),
  profile: ({ points, spacing, process: kind, maxInFlight, pastKnee }) =>
    function* (stream, { stop: { durationMs, requests } }) {
      const isEnded = durationMs !== undefined || requests !== undefined;
      const stop = isEnded ? {} : { stop: { durationMs: STAGE_MS } };
      const slowest = yield {
        name: "sweep: one at a time",
        load: { kind: "sweep", concurrency: 1 },
        arrivals: { concurrency: 1 },
        ...stop,
      };
      const fastest = yield {
        name: `sweep: throughput, ${maxInFlight} in flight`,
        load: { kind: "sweep", concurrency: maxInFlight },
        arrivals: { concurrency: maxInFlight },
        ...stop,
      };
      const [low, high] = [requestRate(slowest), requestRate(fastest)];
      // A server that answers one request at a time is as fast with one as with many.
      if (!(low > 0 && high > low)) return;
      let last = 0;
      for (let i = 1; i <= points; i++) {
        const rate = rateAt(i / points, { low, high, spacing });
        if (rate === last) continue; // Two that round to the same.
        last = rate;
        const random = stream(`arrivals/${i}`);
        const report = yield {
          name: `sweep ${rate}/s`,
          load: { kind: "sweep", process: kind, ratePerSecond: rate },
          arrivals: kind === "poisson"
            ? poissonArrivals(rate, random)
            : constantArrivals(rate),
          ...stop,
        };
        if (!pastKnee && !keptUp(report)) return;
      }
    },
});

function requestRate({ rates }: StageReport): number {
  return rates.requestsPerSecond ?? 0;
}

/** The rate at a share of the way from the lowest to the highest, to three digits. */
function rateAt(
  share: number,
  { low, high, spacing }: {
    low: number;
    high: number;
    spacing: "linear" | "logarithmic";
  },
): number {
  const rate = spacing === "linear"
    ? low + (high - low) * share
    : low * (high / low) ** share;
  return Number(rate.toPrecision(3));
}

/** Whether the server answered nearly as many requests a second as were due. */
function keptUp({ counts, rates, window }: StageReport): boolean {
  const { ok, error, timeout, cancelled, dropped } = counts;
  const due = ok + error + timeout + cancelled + dropped;
  const seconds = (window.endMs - window.startMs) / 1000;
  return (rates.requestsPerSecond ?? 0) * seconds >= KEPT_UP * due;
}
