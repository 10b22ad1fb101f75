import { addTo } from "../../lib/record.ts";
import type { Series, SeriesQuantiles } from "../time_series.ts";
import type { Sample } from "../sample.ts";
import { Bins } from "../statistics/bins.ts";
import { CompactHistogram } from "../statistics/histogram.ts";
import { countedTokens } from "./rates.ts";
import { metrics, type MetricValue, shareMetrics, tokensOf } from "./table.ts";

/** Most points of a series. */
const MAX_POINTS = 1000;
/** Time between two points at first, in milliseconds. */
const WIDTH_MS = 1000;
/** Digits of a number that a series keeps. */
const DIGITS = 4;

/** Metrics that a series shows the quantiles of. */
const SHOWN = ["ttft", "itl", "latency", "finalization"] as const;
type Shown = typeof SHOWN[number] | "clientShare";

/** Their places in the table of metrics. */
const PLACES = SHOWN.map((name) =>
  [name, metrics.findIndex((metric) => metric.name === name)] as const
);

const [ttftShare, latencyShare] = shareMetrics;

/** Events of one interval of time. */
interface Bin {
  readonly sums: {
    starts: number;
    ends: number;
    /** Sums of the times of all starts and ends, in whole microseconds: the order of adding does not change them. */
    startsUs: number;
    endsUs: number;
    ok: number;
    errors: number;
    outputTokens?: number;
  };
  readonly values: { [Name in Shown]?: CompactHistogram };
}

/**
 * Events of each second of a stage, warm-up included. A long stage has longer intervals, so that there are at most
 * a thousand. A request counts in the interval in which it ended, its output tokens in those in which they were read.
 */
export class SeriesBins {
  readonly #startMs: number;
  readonly #bins = emptyBins();

  /** @param startMs Start of the stage. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /**
   * Adds a sample. One without times is ignored.
   *
   * @param values Its metrics in the order of their table, if it ended `ok`.
   */
  add(sample: Sample, values: readonly MetricValue[]): void {
    const { dispatchedMs, endedMs, outcome: { status } } = sample;
    const start = this.#position(dispatchedMs), end = this.#position(endedMs);
    if (!Number.isFinite(start + end)) return;
    const began = this.#bins.at(start).sums;
    began.starts++;
    began.startsUs += microseconds(start);
    const bin = this.#bins.at(end);
    bin.sums.ends++;
    bin.sums.endsUs += microseconds(end);
    if (status === "ok") bin.sums.ok++;
    if (status === "error" || status === "timeout") bin.sums.errors++;
    this.#addTokens(sample, start, end);
    for (const [name, place] of PLACES) addValue(bin, name, values[place]);
    const share = ttftShare!.of(sample) ?? latencyShare!.of(sample);
    addValue(bin, "clientShare", share);
  }

  /** Adds the samples of another part of the stage. */
  merge(other: SeriesBins): void {
    this.#bins.merge(other.#bins);
  }

  /** The series until a time, or until the last sample if that is later. `undefined` without samples. */
  series(endMs: number): Series | undefined {
    const bins = emptyBins();
    bins.merge(this.#bins);
    bins.at(Math.max(0, this.#position(endMs) - 1));
    const all = Array.from(bins.entries(), ([, bin]) => bin ?? emptyBin());
    if (all.every(({ sums }) => sums.starts === 0)) return undefined;
    const perSecond = (count: number) => rounded(1000 * count / bins.width);
    const hasTokens = all.some(({ sums }) => sums.outputTokens !== undefined);
    return {
      startMs: this.#startMs,
      widthMs: bins.width,
      requestsPerSecond: all.map(({ sums }) => perSecond(sums.ok)),
      errors: all.map(({ sums }) => sums.errors),
      inFlight: inFlight(all, bins.width),
      ...(hasTokens && {
        outputTokensPerSecond: all.map(({ sums }) =>
          perSecond(sums.outputTokens ?? 0)
        ),
      }),
      ...Object.fromEntries(SHOWN.flatMap((name) => {
        const quantiles = quantilesOf(all, name);
        return quantiles ? [[name, quantiles]] : [];
      })),
      ...clientShareOf(all),
    };
  }

  #position(atMs: number): number {
    return Math.max(0, atMs - this.#startMs);
  }

  /** The tokens of a request, spread evenly over its deltas, whose times cannot lie outside of it. */
  #addTokens(sample: Sample, start: number, end: number): void {
    const counted = countedTokens(sample);
    if (counted === undefined || !Number.isFinite(counted)) return;
    const binOf = ({ atMs }: { readonly atMs: number }) => {
      const position = atMs - this.#startMs;
      const isInside = position >= start && position < end;
      return this.#bins.at(isInside ? position : end);
    };
    const deltas = tokensOf(sample);
    const first = deltas[0], last = deltas.at(-1);
    if (!first || !last) return addTokens(this.#bins.at(end), counted);
    const bin = binOf(first);
    if (bin === binOf(last)) return addTokens(bin, counted);
    const each = counted / deltas.length;
    for (const delta of deltas) addTokens(binOf(delta), each);
  }
}

function addTokens({ sums }: Bin, tokens: number): void {
  sums.outputTokens = (sums.outputTokens ?? 0) + tokens;
}

function emptyBins(): Bins<Bin> {
  return new Bins({
    max: MAX_POINTS,
    width: WIDTH_MS,
    from: 0,
    create: emptyBin,
    merge: mergeBin,
  });
}

function emptyBin(): Bin {
  return {
    sums: { starts: 0, ends: 0, startsUs: 0, endsUs: 0, ok: 0, errors: 0 },
    values: {},
  };
}

function mergeBin(into: Bin, from: Bin): void {
  addTo(into.sums, from.sums);
  for (const name of [...SHOWN, "clientShare"] as const) {
    const values = from.values[name];
    if (values) (into.values[name] ??= new CompactHistogram()).merge(values);
  }
}

function addValue({ values }: Bin, name: Shown, value: MetricValue): void {
  if (value === undefined) return;
  const histogram = values[name] ??= new CompactHistogram();
  if (typeof value === "number") histogram.add(value);
  else for (const each of value) histogram.add(each);
}

function microseconds(ms: number): number {
  return Math.round(1000 * ms);
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** Mean number of requests in flight over each interval, weighted by time. */
function inFlight(bins: readonly Bin[], widthMs: number): number[] {
  const width = microseconds(widthMs);
  let before = 0;
  return bins.map(({ sums: { starts, ends, startsUs, endsUs } }, i) => {
    const end = (i + 1) * width;
    const area = before * width + (starts * end - startsUs) -
      (ends * end - endsUs);
    before += starts - ends;
    return rounded(area / width);
  });
}

function quantilesOf(
  bins: readonly Bin[],
  name: Shown,
): SeriesQuantiles | undefined {
  if (bins.every(({ values }) => values[name] === undefined)) return undefined;
  const quantile = (p: number) =>
    bins.map(({ values }) => {
      const value = values[name]?.quantile(p);
      return value === undefined ? null : rounded(value);
    });
  return { p50: quantile(0.5), p95: quantile(0.95) };
}

function clientShareOf(bins: readonly Bin[]): Pick<Series, "clientShare"> {
  const quantiles = quantilesOf(bins, "clientShare");
  return quantiles ? { clientShare: { p95: quantiles.p95 } } : {};
}
