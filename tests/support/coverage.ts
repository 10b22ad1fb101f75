import { Column } from "../../core/metrics/column.ts";
import {
  CONFIDENCE,
  QuantileBatches,
} from "../../core/metrics/quantile_batches.ts";
import { RateSums } from "../../core/metrics/rates.ts";
import { Batches } from "../../core/statistics/batches.ts";
import {
  type Bounds,
  normalCdf,
  normalQuantile,
} from "../../core/statistics/distributions.ts";
import { shareRatioBounds } from "../../core/statistics/ratio.ts";
import { type Random, random } from "../../lib/random.ts";
import { sample } from "./sample.ts";

/** Latencies of a simulated server, with a known distribution. */
export interface SimulatedLatencies {
  readonly name: string;
  /** Correlation of neighbours, before they are given their distribution: an autoregressive process of order one. */
  readonly correlation: number;
  /** Quantile function of the distribution, from a standard normal value. */
  of(normal: number): number;
}

const lognormal = (normal: number) => 100 * Math.exp(0.5 * normal);
const exponential = (normal: number) => -100 * Math.log(normalCdf(-normal));

function latencies(
  shape: typeof lognormal | typeof exponential,
  correlation: number,
): SimulatedLatencies {
  const name = shape === lognormal ? "lognormal" : "exponential";
  return { name, correlation, of: shape };
}

/** The processes that coverage is measured for. */
export const processes: readonly SimulatedLatencies[] = [
  latencies(lognormal, 0),
  latencies(exponential, 0),
  latencies(lognormal, 0.5),
  latencies(exponential, 0.8),
  latencies(lognormal, 0.9),
];

/** Figures whose intervals are measured. */
export const figures = [
  "p50",
  "p90",
  "p95",
  "p99",
  "errorRate",
  "requestsPerSecond",
] as const;

const QUANTILES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };
/** Share of the requests that fail: those with the highest latencies. */
const FAILING = 0.05;

/** A count of intervals that contain the true value, among those that were given. */
export type Coverage = Record<
  typeof figures[number],
  { inside: number; given: number }
>;

/** Simulates runs of `n` requests and counts the intervals that contain the true value. */
export function simulateCoverage(
  process: SimulatedLatencies,
  { n, runs, seed = 1 }: { n: number; runs: number; seed?: number },
): Coverage {
  const normal = normalNumbers(
    random(seed, `${process.name} ${process.correlation} ${n}`),
  );
  const coverage = Object.fromEntries(
    figures.map((name) => [name, { inside: 0, given: 0 }]),
  ) as Coverage;
  for (let run = 0; run < runs; run++) {
    const { intervals, truth } = simulateRun(process, n, normal);
    for (const name of figures) {
      const bounds = intervals[name];
      if (!bounds) continue;
      coverage[name].given++;
      const { lower, upper } = bounds;
      if (lower <= truth[name] && truth[name] <= upper) coverage[name].inside++;
    }
  }
  return coverage;
}

/** The intervals of one run, by the code that makes reports, and the true values. Gaps between ends are latencies, too. */
function simulateRun(
  { correlation, of }: SimulatedLatencies,
  n: number,
  normal: () => number,
) {
  const column = new Column(), quantiles = new QuantileBatches();
  const failures = new Batches(), rates = new RateSums({ startMs: 0 });
  const failingFrom = normalQuantile(1 - FAILING);
  const rest = Math.sqrt(1 - correlation ** 2);
  let state = normal(), endedMs = 0;
  for (let id = 0; id < n; id++) {
    const latency = of(state);
    column.add(latency);
    quantiles.add(id, latency);
    failures.add(id, "ended");
    if (state > failingFrom) failures.add(id, "failed");
    rates.add(sample({ id, dispatchedMs: endedMs, endedMs }));
    endedMs += latency;
    state = correlation * state + rest * normal();
  }
  const intervals: Partial<Record<typeof figures[number], Bounds>> = {
    ...Object.fromEntries(
      Object.entries(QUANTILES).flatMap(([name, p]) => {
        const bounds = quantiles.interval(p, column);
        return bounds ? [[name, bounds]] : [];
      }),
    ),
    errorRate: shareRatioBounds({
      y: failures.sums("failed"),
      x: failures.sums("ended"),
    }, CONFIDENCE)!,
    requestsPerSecond: rates.intervals(endedMs, CONFIDENCE).requestsPerSecond!,
  };
  const meanMs = of === exponential ? 100 : 100 * Math.exp(0.5 ** 2 / 2);
  const truth = {
    p50: of(normalQuantile(0.5)),
    p90: of(normalQuantile(0.9)),
    p95: of(normalQuantile(0.95)),
    p99: of(normalQuantile(0.99)),
    errorRate: FAILING,
    requestsPerSecond: 1000 / meanMs,
  };
  return { intervals, truth };
}

/** Standard normal numbers (Box and Muller, 1958). */
function normalNumbers(uniform: Random): () => number {
  return () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
