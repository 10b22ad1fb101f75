import type { Rates } from "../report.ts";
import type { Sample } from "../sample.ts";
import { Batches } from "../statistics/batches.ts";
import type { Bounds } from "../statistics/distributions.ts";
import { ratioBounds, sum } from "../statistics/ratio.ts";
import { isToken, tokensOf } from "./table.ts";

/** The measured window, as far as it is known beforehand. */
export interface RateWindow {
  /** When measuring begins. `Infinity`, until {@linkcode RateSums.begin} sets it, if that is not known. */
  readonly startMs: number;
  /** When it ends, if a duration was set. */
  readonly endMs?: number | undefined;
}

/** How much later a window begins than asked if a request that was added before ended at that very time. */
const TIE_MS = 0.001;

/** Sums over a window. A sum is absent where nothing was added to it. */
type Sums = {
  -readonly [Name in typeof SUMS[number]]?: number;
};

const SUMS = [
  "ended",
  "requests",
  "good",
  "inputTokens",
  "outputTokens",
  "embeddings",
  "audioMs",
] as const;

/** The rates, each with its sum. */
const RATES: readonly (readonly [keyof Rates, keyof Sums])[] = [
  ["requestsPerSecond", "requests"],
  ["goodput", "good"],
  ["inputTokensPerSecond", "inputTokens"],
  ["outputTokensPerSecond", "outputTokens"],
  ["embeddingsPerSecond", "embeddings"],
  ["rtfxAggregate", "audioMs"],
];

/** Number of requests below which the spread of rates says too little. */
const MIN_REQUESTS = 10;

/**
 * The work that a server did within a window. A request that lies only partly in it counts with the part of its service
 * time that does: counted by its end alone, long requests would make a server look slower than it is. Tokens count by
 * the read that carried them, of every request that was in flight, however it ended.
 */
export class RateSums {
  #startMs: number;
  #endMs: number;
  /** When the last request ended. */
  #lastEndMs = -Infinity;
  readonly #isGood: ((sample: Sample) => boolean) | undefined;
  readonly #sums: Sums = {};
  /** Whole requests and all that came with them, by the millisecond of the window in which they ended. */
  readonly #slices = new Batches<keyof Sums>({ from: 0 });

  /** @param isGood Whether a request that ended `ok` met every objective for a single request. */
  constructor(
    { startMs, endMs = Infinity }: RateWindow,
    isGood?: (sample: Sample) => boolean,
  ) {
    this.#startMs = startMs;
    this.#endMs = endMs;
    this.#isGood = isGood;
  }

  /**
   * Begins a window whose beginning was not known; the samples before have added nothing to it. Returns its beginning,
   * which is after the end of each of them.
   */
  begin(atMs: number): number {
    if (this.#startMs === Infinity) {
      const isTie = atMs <= this.#lastEndMs;
      this.#startMs = isTie ? this.#lastEndMs + TIE_MS : atMs;
    }
    return this.#startMs;
  }

  /** Ends the window, before a sample that ended later is added. */
  end(atMs: number): void {
    this.#endMs = Math.min(this.#endMs, atMs);
  }

  /** Adds a sample, of the warm-up and the cool-down as well. */
  add(sample: Sample): void {
    const { outcome, dispatchedMs, endedMs, output, input } = sample;
    this.#lastEndMs = Math.max(this.#lastEndMs, endedMs);
    const part = this.#part(dispatchedMs, endedMs);
    const slice = this.#isInside(endedMs)
      ? Math.max(0, Math.ceil(endedMs - this.#startMs) - 1)
      : undefined;
    const add = (
      name: keyof Sums,
      whole: number | undefined,
      within = part * (whole ?? 0),
    ) => {
      if (whole === undefined || !Number.isFinite(within)) return;
      this.#add(name, within);
      if (slice !== undefined) this.#slices.add(slice, name, whole);
    };
    const tokens = countedTokens(sample);
    add("outputTokens", tokens, tokens && this.#tokensInside(sample, tokens));
    if (outcome.status !== "ok") return;
    this.#add("ended", slice === undefined ? 0 : 1);
    add("requests", 1);
    add("inputTokens", output.usage?.inputTokens);
    add("embeddings", output.embeddings?.count);
    add("audioMs", input.audioMs);
    if (this.#isGood) add("good", Number(this.#isGood(sample)));
  }

  /** Adds the sums of another part of the samples of the same window. */
  merge(other: RateSums): void {
    for (const name of SUMS) this.#add(name, other.#sums[name]);
    this.#slices.merge(other.#slices);
  }

  /** Number of requests that ended `ok` within the window. */
  get ended(): number {
    return this.#sums.ended ?? 0;
  }

  /** The rates over a window of this length. */
  rates(windowMs: number): Omit<Rates, "errorRate"> {
    const seconds = windowMs / 1000;
    if (!(seconds > 0)) return {};
    const rates: { -readonly [Name in keyof Rates]?: number } = {
      requestsPerSecond: 0,
    };
    for (const [name, sum] of RATES) {
      const total = this.#sums[sum];
      if (total === undefined) continue;
      rates[name] = name === "rtfxAggregate"
        ? total / windowMs
        : total / seconds;
    }
    return rates;
  }

  /**
   * Confidence intervals of the rates over a window of this length, by batch means over slices of it. Requests count where
   * they ended: spread over their service time, neighbouring slices would be alike.
   */
  intervals(
    windowMs: number,
    confidence: number,
  ): Readonly<Partial<Record<keyof Rates, Bounds>>> {
    const slices = new Batches<keyof Sums>({ from: 0 });
    slices.merge(this.#slices);
    slices.add(Math.max(0, Math.ceil(windowMs) - 1), "requests", 0);
    if (sum(slices.sums("requests")) < MIN_REQUESTS) return {};
    const rates: Rates = this.rates(windowMs);
    const found: { -readonly [Name in keyof Rates]?: Bounds } = {};
    for (const [name, row] of RATES) {
      const rate = rates[name], y = slices.sums(row);
      const x = y.map((_, i) =>
        Math.max(0, Math.min(slices.width, windowMs - i * slices.width))
      );
      const bounds = ratioBounds({ y, x }, confidence);
      if (!bounds || !rate) continue;
      // In the unit of the rate, and for the parts of requests that lie in the window.
      const factor = rate / (sum(y) / sum(x));
      found[name] = {
        lower: factor * bounds.lower,
        upper: factor * bounds.upper,
      };
    }
    return found;
  }

  /**
   * Output tokens within the window. The server's count is spread evenly over the deltas that are not empty; where the
   * answer came at once, over the service time.
   */
  #tokensInside(
    sample: Sample,
    counted: number,
  ): number {
    const { dispatchedMs, endedMs } = sample;
    const tokens = tokensOf(sample);
    const isStreamed = tokens.length > 0 &&
      tokens[0]!.atMs < tokens.at(-1)!.atMs;
    if (!isStreamed) return counted * this.#part(dispatchedMs, endedMs);
    let inside = 0;
    for (const { atMs } of tokens) if (this.#isInside(atMs)) inside++;
    return counted * inside / tokens.length;
  }

  #isInside(atMs: number): boolean {
    return atMs >= this.#startMs && atMs <= this.#endMs;
  }

  /** The part of a span of time that lies within the window. */
  #part(fromMs: number, toMs: number): number {
    if (toMs <= fromMs) return this.#isInside(toMs) ? 1 : 0;
    const insideMs = Math.min(toMs, this.#endMs) -
      Math.max(fromMs, this.#startMs);
    return Math.max(0, insideMs) / (toMs - fromMs);
  }

  #add(name: keyof Sums, more: number | undefined): void {
    if (more !== undefined && Number.isFinite(more)) {
      this.#sums[name] = (this.#sums[name] ?? 0) + more;
    }
  }
}

/** Output tokens of a request, as they were counted: without a count by its deltas. `undefined` if there is neither. */
export function countedTokens(
  { deltas, output: { usage } }: Sample,
): number | undefined {
  if (usage?.outputTokens !== undefined) return usage.outputTokens;
  let sum = 0, hasTokens = false;
  for (const delta of deltas) {
    if (!isToken(delta)) continue;
    hasTokens = true;
    sum += delta.tokens ?? 1; // unless the server says how many it holds
  }
  return hasTokens ? sum : undefined;
}
