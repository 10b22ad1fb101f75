import type { NormalizerName } from "../config.ts";
import { Column } from "./column.ts";
import { clientMetrics, type Metric, metrics } from "./table.ts";
import { Quality } from "../quality.ts";
import type {
  ClientHealth,
  Counts,
  Rates,
  StageReport,
  Unit,
} from "../report.ts";
import type { Output, Sample, TokenCounter } from "../sample.ts";
import { judgeSlos, type Slo } from "../slo.ts";
import { judge } from "../verdict.ts";
import { FailureCounts } from "../failures.ts";

/** The part of a stage's report that its samples give. */
export interface DigestSummary extends
  Pick<
    StageReport,
    "failures" | "metrics" | "rates" | "quality" | "tokenCounts"
  > {
  readonly counts: Omit<Counts, "dropped">;
  readonly client: Pick<
    StageReport["client"],
    "scheduleLag" | "chunkLateness" | "chunkMs"
  >;
}

/** The measured window, as far as it is known beforehand. */
export interface DigestOptions {
  /** When measuring begins. */
  readonly startMs: number;
  /** When it ends, if a duration was set. */
  readonly endMs?: number;
  /** How texts are normalized before they are compared. */
  readonly normalizer: NormalizerName;
}

/** The samples of one stage, folded into bounded columns as they end: they are not kept. */
export class Digest {
  /** Error rates. Long texts wait there to be compared. */
  readonly texts: Quality;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #columns = columnsOf(metrics);
  readonly #client = columnsOf(clientMetrics);
  readonly #counts = {
    ok: 0,
    error: 0,
    timeout: 0,
    cancelled: 0,
    emptyOutputs: 0,
    retried: 0,
    warmup: 0,
  };
  readonly #failures = new FailureCounts();
  readonly #inWindow: InWindow = { requests: 0 };
  readonly #counters = {
    input: new Map<TokenCounter, number>(),
    output: new Map<TokenCounter, number>(),
  };
  /** Length of a chunk of audio, from the lowest request id. */
  #chunk: { readonly id: number; readonly ms: number } | undefined;
  #lastEndMs: number | undefined;

  constructor({ startMs, endMs = Infinity, normalizer }: DigestOptions) {
    this.#startMs = startMs;
    this.#endMs = endMs;
    this.texts = new Quality(normalizer);
  }

  /** When the last measured request ended. */
  get lastEndMs(): number | undefined {
    return this.#lastEndMs;
  }

  /** Adds a sample. */
  add(sample: Sample): void {
    this.#countRates(sample);
    if (sample.phase === "warmup") {
      this.#counts.warmup++;
      return;
    }
    this.#lastEndMs = Math.max(this.#lastEndMs ?? 0, sample.endedMs);
    this.#keepChunk(sample.id, chunkMsOf(sample));
    this.#countEnd(sample);
    this.#counts.retried += sample.retried ?? 0;
    addToColumns(this.#client, sample);
    if (sample.outcome.status !== "ok") return;
    addToColumns(this.#columns, sample);
    this.#countCounters(sample);
    this.texts.add(sample);
  }

  /** Adds all samples of another digest of the same stage. */
  merge(other: Digest): void {
    for (const name of Object.keys(this.#counts) as (keyof Ends)[]) {
      this.#counts[name] += other.#counts[name];
    }
    this.#failures.merge(other.#failures);
    this.#inWindow.requests += other.#inWindow.requests;
    for (const name of SUMS) addTo(this.#inWindow, name, other.#inWindow[name]);
    for (const side of ["input", "output"] as const) {
      for (const [by, count] of other.#counters[side]) {
        countBy(this.#counters[side], by, count);
      }
    }
    this.#columns.forEach(({ values }, i) =>
      values.merge(other.#columns[i]!.values)
    );
    this.#client.forEach(({ values }, i) =>
      values.merge(other.#client[i]!.values)
    );
    this.texts.merge(other.texts);
    if (other.#chunk) this.#keepChunk(other.#chunk.id, other.#chunk.ms);
    if (other.#lastEndMs === undefined) return;
    this.#lastEndMs = Math.max(this.#lastEndMs ?? 0, other.#lastEndMs);
  }

  /** Median of a metric so far. */
  median(metric: string): number | undefined {
    const column = this.#columns.find((each) => each.metric.name === metric);
    return column?.values.quantile(0.5);
  }

  /** The part of the stage's report that the samples give, over a window of this length. */
  summary(windowMs: number): DigestSummary {
    return {
      counts: { ...this.#counts, failures: this.#failures.byClass() },
      failures: this.#failures.listed(),
      metrics: summaries(this.#columns),
      rates: ratesOf(this.#counts, this.#inWindow, windowMs),
      ...tokenCountsOf(this.#counters),
      quality: this.texts.result(),
      client: clientOf(this.#client, this.#chunk?.ms),
    };
  }

  /** Counts what was answered within the window, whenever it was due. */
  #countRates({ outcome, endedMs, output, input }: Sample): void {
    if (outcome.status !== "ok") return;
    if (endedMs < this.#startMs || endedMs > this.#endMs) return;
    this.#inWindow.requests++;
    addTo(this.#inWindow, "inputTokens", output.usage?.inputTokens);
    addTo(this.#inWindow, "outputTokens", output.usage?.outputTokens);
    addTo(this.#inWindow, "embeddings", output.embeddings?.count);
    addTo(this.#inWindow, "audioMs", input.audioMs);
  }

  #countCounters({ output: { usage } }: Sample): void {
    for (const side of ["input", "output"] as const) {
      if (usage?.[`${side}Tokens`] === undefined) continue;
      countBy(this.#counters[side], usage.countedBy?.[side] ?? "server", 1);
    }
  }

  #countEnd({ id, outcome, output }: Sample): void {
    this.#counts[outcome.status]++;
    if (outcome.status !== "ok") this.#failures.add({ id }, outcome.failure);
    else if (isEmpty(output)) this.#counts.emptyOutputs++;
  }

  #keepChunk(id: number, ms: number | undefined): void {
    if (ms === undefined || (this.#chunk && this.#chunk.id <= id)) return;
    this.#chunk = { id, ms };
  }
}

type Ends = Omit<Counts, "dropped" | "failures">;

/** Sums over the requests answered within the window. A sum is absent where nothing was added to it. */
interface InWindow {
  requests: number;
  inputTokens?: number;
  outputTokens?: number;
  embeddings?: number;
  audioMs?: number;
}

const SUMS = ["inputTokens", "outputTokens", "embeddings", "audioMs"] as const;

function addTo(
  sums: InWindow,
  name: typeof SUMS[number],
  value: number | undefined,
): void {
  if (value !== undefined) sums[name] = (sums[name] ?? 0) + value;
}

function countBy(
  counts: Map<TokenCounter, number>,
  by: TokenCounter,
  more: number,
): void {
  counts.set(by, (counts.get(by) ?? 0) + more);
}

/** Whether an answer is an empty text, without a tool call or a refusal in its place. */
function isEmpty({ text, toolCalls, refusal }: Output): boolean {
  return text?.trim() === "" && !toolCalls?.length && !refusal;
}

type Counters = Readonly<
  Record<"input" | "output", ReadonlyMap<TokenCounter, number>>
>;

function tokenCountsOf(
  { input, output }: Counters,
): Pick<StageReport, "tokenCounts"> {
  if (input.size + output.size === 0) return {};
  return {
    tokenCounts: {
      ...(input.size > 0 && { input: Object.fromEntries(input) }),
      ...(output.size > 0 && { output: Object.fromEntries(output) }),
    },
  };
}

/** A metric with its values. */
interface MetricColumn {
  readonly metric: Metric;
  readonly values: Column;
}

function columnsOf(table: readonly Metric[]): readonly MetricColumn[] {
  return table.map((metric) => ({ metric, values: new Column() }));
}

function addToColumns(columns: readonly MetricColumn[], sample: Sample): void {
  for (const { metric, values } of columns) {
    const value = metric.of(sample);
    if (typeof value === "number") values.add(value);
    else if (value) { for (const each of value) values.add(each); }
  }
}

function summaries(columns: readonly MetricColumn[]): StageReport["metrics"] {
  const entries: [
    string,
    { unit: Unit } & NonNullable<ReturnType<Column["summary"]>>,
  ][] = [];
  for (const { metric: { name, unit }, values } of columns) {
    const summary = values.summary();
    if (summary) entries.push([name, { unit, ...summary }]);
  }
  return Object.fromEntries(entries);
}

function ratesOf(
  { ok, error, timeout }: Pick<Counts, "ok" | "error" | "timeout">,
  { requests, inputTokens, outputTokens, embeddings, audioMs }: InWindow,
  windowMs: number,
): StageReport["rates"] {
  const ended = ok + error + timeout;
  const seconds = windowMs / 1000;
  const rate = (name: keyof Rates, sum: number | undefined) =>
    sum === undefined ? {} : { [name]: sum / seconds };
  return {
    ...(ended > 0 && { errorRate: (error + timeout) / ended }),
    ...(seconds > 0 && {
      requestsPerSecond: requests / seconds,
      ...rate("inputTokensPerSecond", inputTokens),
      ...rate("outputTokensPerSecond", outputTokens),
      ...rate("embeddingsPerSecond", embeddings),
      ...(audioMs !== undefined && { rtfxAggregate: audioMs / windowMs }),
    }),
  };
}

function clientOf(
  columns: readonly MetricColumn[],
  chunkMs: number | undefined,
): DigestSummary["client"] {
  const summary = (name: string) =>
    columns.find(({ metric }) => metric.name === name)?.values.summary();
  const scheduleLag = summary("scheduleLag");
  const chunkLateness = summary("chunkLateness");
  return {
    ...(scheduleLag && { scheduleLag }),
    ...(chunkLateness && { chunkLateness }),
    ...(chunkLateness && chunkMs !== undefined && { chunkMs }),
  };
}

/** Time between the first two chunks, as the last one of an utterance may be shorter. */
function chunkMsOf({ audioSent: [first, second] }: Sample): number | undefined {
  if (first?.dueMs === undefined || second?.dueMs === undefined) {
    return undefined;
  }
  return second.dueMs - first.dueMs;
}

/** The facts of a stage that its samples do not give. */
export interface StageRecord
  extends Pick<StageReport, "name" | "load" | "window" | "stopped" | "stop"> {
  /** Arrivals of the measured window that never started. */
  readonly dropped: number;
  /** Condition of the process. */
  readonly health: Pick<ClientHealth, "loopDelay" | "cpu" | "rssBytes">;
}

/** Makes the report of a stage, after it ran or from saved samples: the same samples give the same report. */
export function stageReport(
  digest: Digest,
  record: StageRecord,
  slos: readonly Slo[] = [],
): StageReport {
  const { name, load, window, stop, stopped, dropped, health } = record;
  const { counts, client, ...summed } = digest.summary(
    window.endMs - window.startMs,
  );
  const measured = {
    name,
    load,
    ...(stop && { stop }),
    window,
    stopped,
    counts: { ...counts, dropped },
    ...summed,
    client: { ...client, ...health },
  };
  return {
    ...measured,
    ...(slos.length > 0 && { slo: judgeSlos(slos, measured) }),
    verdict: judge(measured),
  };
}
