import { isThrottled } from "../backoff.ts";
import { addTo } from "../../lib/record.ts";
import type { MinSamples, NormalizerName } from "../config.ts";
import { FailureCounts } from "../failures.ts";
import { Quality } from "../quality.ts";
import type {
  ClientHealth,
  Counts,
  Rates,
  StageReport,
  Window,
} from "../report.ts";
import type { ClientShare, Output, Sample, TokenCounter } from "../sample.ts";
import { goodRequest, judgeSlos, type Slo } from "../slo.ts";
import { type NoteOptions, notesOf, NoteSums } from "../notes.ts";
import { adjustForNetwork } from "./network.ts";
import { tooFewFor } from "../sample_floors.ts";
import { judge } from "../verdict.ts";
import { ShareColumns } from "./client_share.ts";
import { Batches } from "../statistics/batches.ts";
import { shareRatioBounds } from "../statistics/ratio.ts";
import { ArrivalTimes } from "./arrival_times.ts";
import { MetricColumns } from "./metric_columns.ts";
import { CONFIDENCE } from "./quantile_batches.ts";
import { RateSums } from "./rates.ts";
import { SeriesBins } from "./series.ts";
import { clientMetrics, metrics } from "./table.ts";

/** The times of a stage, as far as they are known beforehand. */
export interface DigestOptions {
  /** When the stage began. @default startMs */
  readonly stageStartMs?: number | undefined;
  /** When measuring begins; `Infinity` if that is not known beforehand. */
  readonly startMs: number;
  /** When it ends, if a duration was set. */
  readonly endMs?: number | undefined;
  /** How texts are normalized before they are compared. */
  readonly normalizer: NormalizerName;
  /** Objectives, for the goodput. @default {[]} */
  readonly slos?: readonly Slo[] | undefined;
}

/** Share of the requests whose end the system must have timed, so that the shares are said to rest on that. */
const TIMED_BY_SYSTEM = 0.99;

/** The samples of one stage, folded into bounded columns as they end: they are not kept. */
export class Digest {
  /** Word and character errors. Long texts wait in it to be compared. */
  readonly texts: Quality;
  readonly #columns = new MetricColumns(metrics);
  readonly #client = new MetricColumns(clientMetrics);
  readonly #shares = new ShareColumns();
  readonly #counts = {
    ok: 0,
    error: 0,
    timeout: 0,
    cancelled: 0,
    emptyOutputs: 0,
    retried: 0,
    throttled: 0,
    warmup: 0,
  };
  readonly #failures = new FailureCounts();
  readonly #warmupFailures = new FailureCounts();
  readonly #rates: RateSums;
  readonly #series: SeriesBins;
  readonly #arrivals = new ArrivalTimes();
  readonly #errors = new Batches<"failed" | "ended">();
  readonly #notes = new NoteSums();
  /** Number of requests by the source of their token counts. */
  readonly #counters: Record<
    "input" | "output",
    Partial<Record<TokenCounter, number>>
  > = { input: {}, output: {} };
  /** Requests that were watched, and those whose end the system timed. */
  readonly #timed = { all: 0, bySystem: 0 };
  /** Length of a chunk of audio, from the lowest request id. */
  #chunk: { readonly id: number; readonly ms: number } | undefined;
  /** When the last measured request ended. */
  lastEndMs: number | undefined;

  constructor(
    { normalizer, slos = [], stageStartMs, ...window }: DigestOptions,
  ) {
    this.#rates = new RateSums(window, goodRequest(slos));
    this.#series = new SeriesBins(stageStartMs ?? window.startMs);
    this.texts = new Quality(normalizer);
  }

  /** Begins measuring, if that was not fixed beforehand. Returns when it began. */
  begin(atMs: number): number {
    return this.#rates.begin(atMs);
  }

  /** Ends measuring, before a sample that ended later is added. */
  end(atMs: number): void {
    this.#rates.end(atMs);
  }

  /** Adds a sample. */
  add(sample: Sample): void {
    const { outcome, output, phase } = sample;
    this.#rates.add(sample);
    const values = outcome.status === "ok" ? this.#columns.of(sample) : [];
    this.#series.add(sample, values);
    if (phase !== "measure") {
      if (phase === "warmup" && outcome.status !== "ok") {
        this.#warmupFailures.add(sample.id, outcome.failure);
      }
      return addTo(this.#counts, { [phase]: 1 });
    }
    this.#keepEnd(sample.endedMs);
    if (sample.session.turn === 0) this.#arrivals.add(sample.dispatchedMs);
    const chunkMs = chunkMsOf(sample);
    if (chunkMs !== undefined) this.#keepChunk({ id: sample.id, ms: chunkMs });
    this.#counts[outcome.status]++;
    this.#counts.retried += sample.retried ?? 0;
    this.#client.add(sample);
    this.#shares.add(sample, values);
    this.#notes.add(sample);
    if (isThrottled(outcome)) this.#counts.throttled++;
    if (outcome.status !== "cancelled") {
      this.#errors.add(sample.id, "ended");
      if (outcome.status !== "ok") this.#errors.add(sample.id, "failed");
    }
    if (outcome.status !== "ok") {
      return this.#failures.add(sample.id, outcome.failure);
    }
    if (isEmpty(output)) this.#counts.emptyOutputs++;
    if (sample.client) this.#countTimed(sample.client);
    this.#columns.add(sample, values);
    this.#countCounters(sample);
    this.texts.add(sample);
  }

  /** Adds all samples of another digest of the same stage. */
  merge(other: Digest): void {
    addTo(this.#counts, other.#counts);
    this.#rates.merge(other.#rates);
    this.#errors.merge(other.#errors);
    this.#series.merge(other.#series);
    this.#arrivals.merge(other.#arrivals);
    this.#notes.merge(other.#notes);
    addTo(this.#counters.input, other.#counters.input);
    addTo(this.#counters.output, other.#counters.output);
    this.#failures.merge(other.#failures);
    this.#warmupFailures.merge(other.#warmupFailures);
    this.#columns.merge(other.#columns);
    this.#client.merge(other.#client);
    this.#shares.merge(other.#shares);
    addTo(this.#timed, other.#timed);
    this.texts.merge(other.texts);
    if (other.#chunk) this.#keepChunk(other.#chunk);
    if (other.lastEndMs !== undefined) this.#keepEnd(other.lastEndMs);
  }

  /** Median of a metric so far. */
  median(metric: string): number | undefined {
    return this.#columns.quantile(metric, 0.5);
  }

  /** The part of the stage's report that the samples give, over a measured window. */
  summary({ startMs, endMs }: Pick<Window, "startMs" | "endMs">) {
    const windowMs = endMs - startMs;
    const arrivals = this.#arrivals.process();
    const series = this.#series.series(endMs);
    const warmupFailures = this.#warmupFailures.listed();
    const lags: Pick<
      ClientHealth,
      "scheduleLag" | "chunkLateness" | "turnaround"
    > = Object
      .fromEntries(
        this.#client.summaries().map(([{ name }, summary]) => [name, summary]),
      );
    return {
      counts: {
        ...this.#counts,
        endedInWindow: this.#rates.ended,
        failures: this.#failures.byClass(),
      },
      failures: this.#failures.listed(),
      ...(warmupFailures.length > 0 && { warmupFailures }),
      metrics: Object.fromEntries(
        this.#columns.summaries().map((
          [{ name, unit }, summary],
        ) => [name, { unit, ...summary }]),
      ),
      rates: { ...errorRateOf(this.#counts), ...this.#rates.rates(windowMs) },
      noteSums: this.#notes,
      ...this.#tokenCounts(),
      quality: this.texts.result(),
      ...this.#intervals(windowMs),
      ...(arrivals && { arrivals }),
      ...(series && { series }),
      client: {
        ...lags,
        ...this.#shares.summaries((name, p) => this.#columns.quantile(name, p)),
        ...(this.#isTimedBySystem() && { method: "arrivals" as const }),
        ...(lags.chunkLateness && this.#chunk && { chunkMs: this.#chunk.ms }),
      },
    };
  }

  #intervals(windowMs: number): Pick<StageReport, "withinRunIntervals"> {
    const metrics = this.#columns.intervals();
    const errorRate = shareRatioBounds({
      y: this.#errors.sums("failed"),
      x: this.#errors.sums("ended"),
    }, CONFIDENCE);
    const rates = {
      ...(errorRate && { errorRate }),
      ...this.#rates.intervals(windowMs, CONFIDENCE),
    };
    const quality = this.texts.intervals(CONFIDENCE);
    const found = [metrics, rates, quality];
    if (found.every((each) => Object.keys(each).length === 0)) return {};
    return {
      withinRunIntervals: { confidence: CONFIDENCE, metrics, rates, quality },
    };
  }

  #countTimed({ isTimedBySystem }: ClientShare): void {
    this.#timed.all++;
    if (isTimedBySystem) this.#timed.bySystem++;
  }

  #isTimedBySystem(): boolean {
    const { all, bySystem } = this.#timed;
    return all > 0 && bySystem >= TIMED_BY_SYSTEM * all;
  }

  #countCounters({ output: { usage } }: Sample): void {
    const { inputTokens, outputTokens, countedBy } = usage ?? {};
    const { input, output } = this.#counters;
    if (inputTokens !== undefined) count(input, countedBy?.input);
    if (outputTokens !== undefined) count(output, countedBy?.output);
  }

  #keepEnd(endedMs: number): void {
    this.lastEndMs = Math.max(this.lastEndMs ?? 0, endedMs);
  }

  #keepChunk(chunk: { readonly id: number; readonly ms: number }): void {
    if (this.#chunk === undefined || chunk.id < this.#chunk.id) {
      this.#chunk = chunk;
    }
  }

  #tokenCounts(): Pick<StageReport, "tokenCounts"> {
    const sides = Object.entries(this.#counters)
      .filter(([, counts]) => Object.keys(counts).length > 0)
      .map(([side, counts]) => [side, { ...counts }]);
    return sides.length > 0 ? { tokenCounts: Object.fromEntries(sides) } : {};
  }
}

function count(
  counters: Partial<Record<TokenCounter, number>>,
  by: TokenCounter = "server",
): void {
  counters[by] = (counters[by] ?? 0) + 1;
}

/** Whether an answer is an empty text, without a tool call or a refusal in its place. */
function isEmpty({ text, toolCalls, refusal }: Output): boolean {
  return text?.trim() === "" && !toolCalls?.length && !refusal;
}

function errorRateOf(
  { ok, error, timeout }: Pick<Counts, "ok" | "error" | "timeout">,
): Pick<Rates, "errorRate"> {
  const ended = ok + error + timeout;
  return ended > 0 ? { errorRate: (error + timeout) / ended } : {};
}

/** Time between the first two chunks, as the last one of an utterance may be shorter. */
function chunkMsOf({ audioSent: [first, second] }: Sample): number | undefined {
  if (first?.dueMs === undefined || second?.dueMs === undefined) {
    return undefined;
  }
  return second.dueMs - first.dueMs;
}

/** The facts of a stage that its samples do not give. */
export interface StageRecord extends
  Pick<
    StageReport,
    | "name"
    | "repeat"
    | "load"
    | "stop"
    | "window"
    | "stopped"
    | "stopCause"
  > {
  /** Condition of the process. */
  readonly client: {
    readonly [
      Name in
        | "method"
        | "rtt"
        | "connectAhead"
        | "queued"
        | "loopDelay"
        | "cpu"
        | "rssBytes"
    ]?:
      | ClientHealth[Name]
      | undefined;
  };
  /** Arrivals of the measured window that never started. */
  readonly dropped: number;
}

/** The limits that a stage is judged by. */
export interface JudgeOptions extends NoteOptions {
  /** Objectives. @default {[]} */
  readonly slos?: readonly Slo[] | undefined;
  /** Largest share of a headline metric that may be the client's own. @default {0.1} */
  readonly maxClientShare?: number | undefined;
  /** Number of values below which a percentile has too few. @default As many as make it differ from the largest value */
  readonly minSamples?: MinSamples | undefined;
}

/** Makes the report of a stage, after it ran or from saved samples: the same samples give the same report. */
export function stageReport(
  digest: Digest,
  record: StageRecord,
  { slos = [], maxClientShare, minSamples, ...noted }: JudgeOptions = {},
): StageReport {
  const { name, repeat, load, window, stop, stopped, stopCause } = record;
  const { dropped, client } = record;
  const { counts, client: lags, noteSums, ...summed } = digest.summary(
    window,
  );
  const { method, rtt, connectAhead, queued, loopDelay, cpu, rssBytes } =
    client;
  const measured = {
    name,
    ...(repeat !== undefined && { repeat }),
    load,
    ...(stop && { stop }),
    window,
    stopped,
    ...(stopCause && { stopCause }),
    counts: { ...counts, dropped },
    ...summed,
    metrics: withValuesNeeded({
      ...summed.metrics,
      ...(rtt && adjustForNetwork(summed.metrics, rtt)),
    }, minSamples),
    client: {
      ...(method && { method }),
      ...lags,
      ...(rtt && { rtt }),
      ...(connectAhead && { connectAhead }),
      ...(queued !== undefined && { queued }),
      ...(loopDelay && { loopDelay }),
      ...(cpu !== undefined && { cpu }),
      ...(rssBytes !== undefined && { rssBytes }),
    },
  };
  const notes = notesOf(measured, noteSums, noted);
  const judged = slos.length > 0
    ? { slo: judgeSlos(slos, measured, minSamples) }
    : {};
  return {
    ...measured,
    ...(notes.length > 0 && { notes }),
    ...judged,
    verdict: judge({ ...measured, ...judged }, { maxClientShare, minSamples }),
  };
}

/** Marks the quantiles that have too few values. */
function withValuesNeeded(
  metrics: StageReport["metrics"],
  minSamples: MinSamples | undefined,
): StageReport["metrics"] {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, summary]) => {
      const few = tooFewFor(summary, minSamples);
      return [name, { ...summary, ...(few && { valuesNeeded: few }) }];
    }),
  );
}
