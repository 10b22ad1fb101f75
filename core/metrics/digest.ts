import { isThrottled } from "../backoff.ts";
import { addTo } from "../../lib/record.ts";
import type { NormalizerName } from "../config.ts";
import { FailureCounts } from "../failures.ts";
import { Quality } from "../quality.ts";
import type {
  ClientHealth,
  Counts,
  Rates,
  StageReport,
  Summary,
} from "../report.ts";
import type { ClientShare, Output, Sample, TokenCounter } from "../sample.ts";
import { goodRequest, judgeSlos, type Slo } from "../slo.ts";
import { Coalescing, notesOf } from "../notes.ts";
import { adjustForNetwork } from "./network.ts";
import { judge } from "../verdict.ts";
import { ShareColumns } from "./client_share.ts";
import { Column } from "./column.ts";
import { RateSums } from "./rates.ts";
import { clientMetrics, type Metric, metrics } from "./table.ts";

/** The measured window, as far as it is known beforehand. */
export interface DigestOptions {
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
  readonly #rates: RateSums;
  readonly #coalescing = new Coalescing();
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

  constructor({ normalizer, slos = [], ...window }: DigestOptions) {
    this.#rates = new RateSums(window, goodRequest(slos));
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
    if (phase !== "measure") return addTo(this.#counts, { [phase]: 1 });
    this.#keepEnd(sample.endedMs);
    const chunkMs = chunkMsOf(sample);
    if (chunkMs !== undefined) this.#keepChunk({ id: sample.id, ms: chunkMs });
    this.#counts[outcome.status]++;
    this.#counts.retried += sample.retried ?? 0;
    this.#client.add(sample);
    this.#shares.add(sample);
    if (isThrottled(outcome)) this.#counts.throttled++;
    if (outcome.status !== "ok") {
      return this.#failures.add(sample.id, outcome.failure);
    }
    if (isEmpty(output)) this.#counts.emptyOutputs++;
    if (sample.client) this.#countTimed(sample.client);
    this.#columns.add(sample);
    this.#coalescing.add(sample);
    this.#countCounters(sample);
    this.texts.add(sample);
  }

  /** Adds all samples of another digest of the same stage. */
  merge(other: Digest): void {
    addTo(this.#counts, other.#counts);
    this.#rates.merge(other.#rates);
    this.#coalescing.merge(other.#coalescing);
    addTo(this.#counters.input, other.#counters.input);
    addTo(this.#counters.output, other.#counters.output);
    this.#failures.merge(other.#failures);
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

  /** The part of the stage's report that the samples give, over a window of this length. */
  summary(windowMs: number) {
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
      metrics: Object.fromEntries(
        this.#columns.summaries().map((
          [{ name, unit }, summary],
        ) => [name, { unit, ...summary }]),
      ),
      rates: { ...errorRateOf(this.#counts), ...this.#rates.rates(windowMs) },
      coalescing: this.#coalescing,
      ...this.#tokenCounts(),
      quality: this.texts.result(),
      client: {
        ...lags,
        ...this.#shares.summaries((name, p) => this.#columns.quantile(name, p)),
        ...(this.#isTimedBySystem() && { method: "arrivals" as const }),
        ...(lags.chunkLateness && this.#chunk && { chunkMs: this.#chunk.ms }),
      },
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

/** The values of each metric of a table. */
class MetricColumns {
  readonly #columns: readonly (readonly [Metric, Column])[];

  constructor(table: readonly Metric[]) {
    this.#columns = table.map((metric) => [metric, new Column()]);
  }

  add(sample: Sample): void {
    for (const [metric, column] of this.#columns) {
      const value = metric.of(sample);
      if (typeof value === "number") column.add(value);
      else if (value) { for (const each of value) column.add(each); }
    }
  }

  merge(other: MetricColumns): void {
    this.#columns.forEach(([, column], i) =>
      column.merge(other.#columns[i]![1])
    );
  }

  /** A quantile of one metric. */
  quantile(name: string, p: number): number | undefined {
    const found = this.#columns.find(([metric]) => metric.name === name);
    return found?.[1].quantile(p);
  }

  /** Summaries of the metrics that have values. */
  summaries(): [Metric, Summary][] {
    return this.#columns.flatMap(([metric, column]) => {
      const summary = column.summary();
      return summary ? [[metric, summary]] : [];
    });
  }
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
export interface JudgeOptions {
  /** Objectives. @default {[]} */
  readonly slos?: readonly Slo[] | undefined;
  /** Largest share of a headline metric that may be the client's own. @default {0.1} */
  readonly maxClientShare?: number | undefined;
}

/** Makes the report of a stage, after it ran or from saved samples: the same samples give the same report. */
export function stageReport(
  digest: Digest,
  record: StageRecord,
  { slos = [], maxClientShare }: JudgeOptions = {},
): StageReport {
  const { name, repeat, load, window, stop, stopped, stopCause } = record;
  const { dropped, client } = record;
  const { counts, client: lags, coalescing, ...summed } = digest.summary(
    window.endMs - window.startMs,
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
    metrics: {
      ...summed.metrics,
      ...(rtt && adjustForNetwork(summed.metrics, rtt)),
    },
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
  const notes = notesOf(measured, coalescing);
  return {
    ...measured,
    ...(notes.length > 0 && { notes }),
    ...(slos.length > 0 && { slo: judgeSlos(slos, measured) }),
    verdict: judge(measured, maxClientShare),
  };
}
