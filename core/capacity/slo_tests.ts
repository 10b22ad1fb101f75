import { finish } from "../../lib/alignment.ts";
import type { NormalizerName } from "../config.ts";
import { UsageError } from "../errors.ts";
import type { Metric } from "../metrics/table.ts";
import { characterErrors, normalizers, wordErrors } from "../quality.ts";
import type { Sample } from "../sample.ts";
import { goodRequest, keepsLimit, metricOfSlo, type Slo } from "../slo.ts";
import { Batches } from "../statistics/batches.ts";
import { shareBounds, studentQuantile } from "../statistics/distributions.ts";
import {
  effectiveCounts,
  estimateRatio,
  pairs,
  type RatioSums,
  sum,
} from "../statistics/ratio.ts";

/** Decides one SLO from the requests of a level, as they come in. */
export interface SloTest {
  /** The objective. */
  readonly slo: Slo;
  /** Adds a measured request, in the order in which they were sent. */
  add(sample: Sample): void;
  /** Whether any request had a value of what the SLO limits. */
  readonly hasValues: boolean;
  /** Returns the bounds of the figure that the SLO limits; `undefined` with too few requests. */
  judge(confidence: number): SloJudgement | undefined;
}

/** Judgement of an SLO by the requests so far. */
export interface SloJudgement {
  /** Whether it is kept; `undefined` where the bounds lie on both sides of the limit. */
  readonly isKept: boolean | undefined;
  /** The figure with its bounds and its limit, for people. */
  readonly evidence: string;
}

/**
 * Returns the test of an SLO. A quantile is tested by the share of values beyond the limit, failures included, and so is
 * the error rate; error rates of words, means and rates by the ratio of two sums, whose variance its batches show.
 *
 * @throws {UsageError} If requests cannot decide the SLO.
 */
export function sloTest(slo: Slo, rules: SloTestRules): SloTest {
  const { metric: name, quantile } = slo;
  if (quantile === "min" || quantile === "max") {
    throw undecidable(slo, "extremes have no confidence; use p99 or p999");
  }
  if (name === "errorRate") {
    return new ShareTest(slo, { allowed: slo.limit, values: () => [] });
  }
  if (name === "wer" || name === "cer") {
    return new RatioTest(slo, errorsOf(name, rules.normalizer));
  }
  const metric = metricOfSlo(slo);
  if (metric && quantile === "mean") {
    return new RatioTest(slo, (sample) => {
      const values = valuesOf(metric, sample);
      return [values.reduce((sum, value) => sum + value, 0), values.length];
    });
  }
  if (metric) {
    const share = Number(`0.${quantile!.slice(1).padStart(2, "0")}`);
    return new ShareTest(slo, {
      allowed: slo.operator.startsWith("<") ? 1 - share : share,
      values: (sample) => valuesOf(metric, sample),
    });
  }
  if (name === "goodput" && !goodRequest(rules.slos)) {
    throw undecidable(slo, "there is no SLO on a metric of single requests");
  }
  const amount = AMOUNTS[name];
  if (amount) return new RateTest(slo, amount(rules));
  throw undecidable(slo, "its value is known only after the stage");
}

/** The rules of a run that a test depends on. */
export interface SloTestRules {
  readonly normalizer: NormalizerName;
  readonly slos: readonly Slo[];
}

function undecidable({ text }: Slo, reason: string): UsageError {
  return new UsageError(`slo "${text}" cannot decide a level: ${reason}`);
}

function valuesOf(metric: Metric, sample: Sample): readonly number[] {
  const value = metric.of(sample);
  return typeof value === "number" ? [value] : value ?? [];
}

/**
 * Values beyond this part of a limit show how a queue comes and goes, long before any is beyond the limit itself: a level
 * at which none was could otherwise look as if its requests were independent.
 */
const NEAR = 0.5;

/** Tests the share of values beyond a limit. A request without a value, as it failed, is one beyond it. */
class ShareTest implements SloTest {
  readonly slo: Slo;
  readonly #allowed: number;
  readonly #values: (sample: Sample) => readonly number[];
  readonly #near: Slo;
  readonly #isErrorRate: boolean;
  hasValues = false;
  readonly #batches = new Batches<"beyond" | "near" | "all">();

  constructor(slo: Slo, { allowed, values }: {
    /** Share of the values that may be beyond the limit. */
    allowed: number;
    values(sample: Sample): readonly number[];
  }) {
    this.slo = slo;
    this.#allowed = allowed;
    this.#values = values;
    const scale = slo.operator.startsWith("<") ? NEAR : 1 / NEAR;
    this.#near = { ...slo, limit: slo.limit * scale };
    this.#isErrorRate = slo.metric === "errorRate";
  }

  add(sample: Sample): void {
    const isFailure = sample.outcome.status !== "ok";
    const values = isFailure ? [] : this.#values(sample);
    const none = isFailure ? 1 : 0;
    if (!isFailure && values.length === 0 && !this.#isErrorRate) return;
    if (!isFailure) this.hasValues = true;
    const beyond = (slo: Slo) =>
      values.filter((value) => !keepsLimit(slo, value)).length || none;
    this.#batches.add(sample.id, "all", values.length || 1);
    this.#batches.add(sample.id, "near", beyond(this.#near));
    this.#batches.add(sample.id, "beyond", beyond(this.slo));
  }

  judge(confidence: number): SloJudgement | undefined {
    const all = this.#batches.sums("all");
    const factor = (row: "beyond" | "near") =>
      varianceFactor({ y: this.#batches.sums(row), x: all });
    const n = sum(all) / Math.max(factor("beyond"), factor("near"));
    if (!(n >= 1)) return undefined;
    const share = sum(this.#batches.sums("beyond")) / sum(all);
    const counts = { failures: share * n, n };
    const { lower, upper } = shareBounds(counts, confidence);
    return {
      isKept: upper <= this.#allowed
        ? true
        : lower > this.#allowed
        ? false
        : undefined,
      evidence: `${percent(lower)} to ${percent(upper)} ${
        this.#isErrorRate ? "failed" : "beyond the limit"
      }, ${percent(this.#allowed)} allowed`,
    };
  }
}

/** Fewest batches whose spread is used. */
const FEWEST_BATCHES = 12;

/**
 * The largest factor by which the variance of a share exceeds that of independent values, over batches of any length:
 * near its capacity a server's queue changes more slowly than short batches are long. `NaN` with too few requests.
 */
function varianceFactor(sums: RatioSums): number {
  let largest = effectiveCounts(sums)?.varianceFactor ?? NaN;
  let longer = sums;
  while (longer.x.length >= 2 * FEWEST_BATCHES) {
    longer = { y: pairs(longer.y), x: pairs(longer.x) };
    const factor = effectiveCounts(longer)?.varianceFactor ?? 1;
    largest = Math.max(largest, factor);
  }
  return largest;
}

/** Returns the two amounts of a request whose sums are divided. */
type Amounts = (sample: Sample) => readonly [y: number, x: number] | undefined;

/** Tests a ratio of two sums over requests that ended `ok`. */
class RatioTest implements SloTest {
  readonly slo: Slo;
  readonly #amounts: Amounts;
  hasValues = false;
  readonly #batches = new Batches<"y" | "x">();

  constructor(slo: Slo, amounts: Amounts) {
    this.slo = slo;
    this.#amounts = amounts;
  }

  add(sample: Sample): void {
    const amounts = sample.outcome.status === "ok" && this.#amounts(sample);
    if (!amounts) return;
    this.hasValues ||= amounts[1] > 0;
    this.#batches.add(sample.id, "y", amounts[0]);
    this.#batches.add(sample.id, "x", amounts[1]);
  }

  judge(confidence: number): SloJudgement | undefined {
    const sums = { y: this.#batches.sums("y"), x: this.#batches.sums("x") };
    return judgeRatio(this.slo, sums, confidence);
  }
}

function errorsOf(name: "wer" | "cer", normalizer: NormalizerName): Amounts {
  const count = name === "wer" ? wordErrors : characterErrors;
  return ({ input: { reference }, output: { text = "" } }) => {
    if (reference === undefined) return undefined;
    const { s, d, i, n } = finish(
      count(reference, text, normalizers[normalizer]),
    );
    return n > 0 ? [s + d + i, n] : undefined;
  };
}

/** Length of the periods whose sums are batched, in milliseconds. */
const PERIOD_MS = 100;

/** Tests an amount per second, by the periods of time in which requests ended. */
class RateTest implements SloTest {
  readonly slo: Slo;
  readonly #amount: (sample: Sample) => number | undefined;
  readonly #batches = new Batches<"amount">();
  hasValues = false;

  constructor(slo: Slo, amount: (sample: Sample) => number | undefined) {
    this.slo = slo;
    this.#amount = amount;
  }

  add(sample: Sample): void {
    if (sample.outcome.status !== "ok") return;
    const amount = this.#amount(sample);
    this.hasValues ||= amount !== undefined;
    const period = Math.floor(sample.endedMs / PERIOD_MS);
    this.#batches.add(period, "amount", amount ?? 0);
  }

  judge(confidence: number): SloJudgement | undefined {
    // The first and the last batch may have begun before the level or not be over.
    const sums = this.#batches.sums("amount").slice(1, -1);
    const seconds = this.#batches.width * PERIOD_MS / 1000;
    const sizes = { y: sums, x: sums.map(() => seconds) };
    return judgeRatio(this.slo, sizes, confidence);
  }
}

/** Amounts per second that an SLO may limit, by the name of the rate. */
const AMOUNTS: Readonly<
  Record<
    string,
    (rules: SloTestRules) => (sample: Sample) => number | undefined
  >
> = {
  requestsPerSecond: () => () => 1,
  goodput: ({ slos }) => {
    const isGood = goodRequest(slos);
    return (sample) => isGood?.(sample) ? 1 : 0;
  },
  inputTokensPerSecond: () => ({ output }) => output.usage?.inputTokens,
  outputTokensPerSecond: () => ({ output }) => output.usage?.outputTokens,
  embeddingsPerSecond: () => ({ output }) => output.embeddings?.count,
  rtfxAggregate: () => ({ input: { audioMs } }) =>
    audioMs === undefined ? undefined : audioMs / 1000,
};

/** Compares the bounds of a ratio with a limit: a t interval over its batches. */
function judgeRatio(
  slo: Slo,
  sums: RatioSums,
  confidence: number,
): SloJudgement | undefined {
  const estimate = estimateRatio(sums);
  if (!estimate) return undefined;
  const { ratio, variance, degreesOfFreedom } = estimate;
  const t = studentQuantile((1 + confidence) / 2, degreesOfFreedom);
  const half = t * Math.sqrt(variance);
  const [lower, upper] = [ratio - half, ratio + half];
  const [low, high] = [keepsLimit(slo, lower), keepsLimit(slo, upper)];
  const shown = slo.unit === "share" ? percent : number;
  return {
    isKept: low === high ? low : undefined,
    evidence: `${slo.metric} is ${shown(lower)} to ${shown(upper)}`,
  };
}

function percent(share: number): string {
  return `${number(100 * share)} %`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}
