import type { Rates } from "../report.ts";
import type { Sample } from "../sample.ts";
import { isToken } from "./table.ts";

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
    this.#add("outputTokens", this.#outputTokens(sample, part));
    if (outcome.status !== "ok") return;
    this.#add("ended", this.#isInside(endedMs) ? 1 : 0);
    this.#add("requests", part);
    this.#add("inputTokens", times(part, output.usage?.inputTokens));
    this.#add("embeddings", times(part, output.embeddings?.count));
    this.#add("audioMs", times(part, input.audioMs));
    if (this.#isGood) this.#add("good", this.#isGood(sample) ? part : 0);
  }

  /** Adds the sums of another part of the samples of the same window. */
  merge(other: RateSums): void {
    for (const name of SUMS) this.#add(name, other.#sums[name]);
  }

  /** Number of requests that ended `ok` within the window. */
  get ended(): number {
    return this.#sums.ended ?? 0;
  }

  /** The rates over a window of this length. */
  rates(windowMs: number): Omit<Rates, "errorRate"> {
    const seconds = windowMs / 1000;
    if (!(seconds > 0)) return {};
    const { requests = 0, audioMs, ...sums } = this.#sums;
    const rate = (name: keyof Rates, sum: number | undefined) =>
      sum === undefined ? {} : { [name]: sum / seconds };
    return {
      requestsPerSecond: requests / seconds,
      ...rate("goodput", sums.good),
      ...rate("inputTokensPerSecond", sums.inputTokens),
      ...rate("outputTokensPerSecond", sums.outputTokens),
      ...rate("embeddingsPerSecond", sums.embeddings),
      ...(audioMs !== undefined && { rtfxAggregate: audioMs / windowMs }),
    };
  }

  /**
   * Output tokens within the window. The server's count is spread evenly over the deltas that are not empty; where the
   * answer came at once, over the service time.
   */
  #outputTokens(
    { deltas, output: { usage } }: Sample,
    part: number,
  ): number | undefined {
    const tokens = deltas.filter(isToken);
    const counted = usage?.outputTokens ??
      (tokens.length > 0 ? deltaTokens(tokens) : undefined);
    if (counted === undefined) return undefined;
    const isStreamed = tokens.length > 0 &&
      tokens[0]!.atMs < tokens.at(-1)!.atMs;
    if (!isStreamed) return counted * part;
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

function times(part: number, count: number | undefined): number | undefined {
  return count === undefined ? undefined : part * count;
}

/** Tokens of an answer that nobody counted: one for each delta, unless the server says how many it holds. */
function deltaTokens(deltas: Sample["deltas"]): number {
  let sum = 0;
  for (const { tokens = 1 } of deltas) sum += tokens;
  return sum;
}
