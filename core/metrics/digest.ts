import { type Column, column } from "./column.ts";
import { clientMetrics, type Metric, metrics } from "./table.ts";
import type { NormalizerName } from "../quality/normalize.ts";
import { type Quality, quality } from "../quality/quality.ts";
import type {
  Counts,
  FailureNote,
  Rates,
  StageReport,
  Unit,
} from "../report.ts";
import type { Failure, Output, Sample, TokenCounter } from "../sample.ts";
import { isClientMade } from "../verdict.ts";

/** The samples of one stage, folded into bounded columns as they end: they are not kept. */
export interface Digest {
  /** Takes in a sample. */
  add(sample: Sample): void;
  /** Median of a metric so far. */
  median(metric: string): number | undefined;
  /** What the samples said, over a window of this length. */
  summary(windowMs: number): Summed;
  /** When the last measured request ended. */
  readonly lastEndMs: number | undefined;
  /** The comparison of long texts, which is put off. */
  readonly texts: Pick<Quality, "isPressed" | "work" | "giveUp">;
}

/** The part of a stage's report that its samples tell. */
export interface Summed extends
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

/** Kinds of failure that a report lists. */
const MAX_FAILURE_NOTES = 10;
/** Kinds of failure that are told apart: a server may give each of its errors a code of its own. */
const MAX_FAILURE_KINDS = 1000;

/** Makes an empty one. */
export function digest(
  { startMs, endMs = Infinity, normalizer }: DigestOptions,
): Digest {
  const columns = columnsOf(metrics);
  const client = columnsOf(clientMetrics);
  const texts = quality(normalizer);
  const counts = {
    ok: 0,
    error: 0,
    timeout: 0,
    cancelled: 0,
    emptyOutputs: 0,
    retried: 0,
    warmup: 0,
  };
  const failures = new Map<string, FailureNote>();
  const inWindow: InWindow = { requests: 0 };
  const counters = {
    input: new Map<TokenCounter, number>(),
    output: new Map<TokenCounter, number>(),
  };
  let chunkMs: number | undefined;
  let lastEndMs: number | undefined;

  /** What was answered within the window, whenever it was due. */
  function countRates({ outcome, endedMs, output, input }: Sample): void {
    if (outcome.status !== "ok" || endedMs < startMs || endedMs > endMs) return;
    inWindow.requests++;
    addTo(inWindow, "inputTokens", output.usage?.inputTokens);
    addTo(inWindow, "outputTokens", output.usage?.outputTokens);
    addTo(inWindow, "embeddings", output.embeddings?.count);
    addTo(inWindow, "audioMs", input.audioMs);
  }

  function countCounters({ output: { usage } }: Sample): void {
    for (const side of ["input", "output"] as const) {
      if (usage?.[`${side}Tokens`] === undefined) continue;
      const by = usage.countedBy?.[side] ?? "server";
      counters[side].set(by, (counters[side].get(by) ?? 0) + 1);
    }
  }

  function countEnd({ outcome, output }: Sample): void {
    counts[outcome.status]++;
    if (outcome.status === "ok") {
      if (isEmpty(output)) counts.emptyOutputs++;
      return;
    }
    countFailure(failures, outcome.failure);
  }

  return {
    get lastEndMs() {
      return lastEndMs;
    },
    texts,
    add(sample) {
      countRates(sample);
      if (sample.phase === "warmup") {
        counts.warmup++;
        return;
      }
      lastEndMs = Math.max(lastEndMs ?? 0, sample.endedMs);
      chunkMs ??= chunkMsOf(sample);
      countEnd(sample);
      counts.retried += sample.retried ?? 0;
      fold(client, sample);
      if (sample.outcome.status !== "ok") return;
      fold(columns, sample);
      countCounters(sample);
      texts.add(sample);
    },
    median: (metric) =>
      columns.find(({ metric: { name } }) => name === metric)?.values.quantile(
        0.5,
      ),
    summary(windowMs) {
      const notes = [...failures.values()].sort(byCount);
      return {
        counts: { ...counts, failures: byClass(notes) },
        failures: listed(notes),
        metrics: summaries(columns),
        rates: ratesOf(counts, inWindow, windowMs),
        ...tokenCountsOf(counters),
        quality: texts.result(),
        client: clientOf(client, chunkMs),
      };
    },
  };
}

/** Counts a failure by class and code; where there are too many codes, by class alone. */
function countFailure(
  notes: Map<string, FailureNote>,
  { class: failureClass, code, message }: Failure,
): void {
  const keyOf = (code: string | undefined) => `${failureClass}\n${code ?? ""}`;
  const isFull = notes.size >= MAX_FAILURE_KINDS && !notes.has(keyOf(code));
  const kept = isFull && !isClientMade({ class: failureClass, code })
    ? undefined
    : code;
  const known = notes.get(keyOf(kept));
  notes.set(keyOf(kept), {
    class: failureClass,
    ...(kept !== undefined && { code: kept }),
    message: known?.message ?? message,
    count: (known?.count ?? 0) + 1,
  });
}

function byCount(a: FailureNote, b: FailureNote): number {
  return b.count - a.count;
}

/** The most frequent kinds. Failures that this client made are never left out: the verdict depends on them. */
function listed(notes: readonly FailureNote[]): FailureNote[] {
  const own = notes.filter(isClientMade);
  const others = notes.filter((note) => !isClientMade(note));
  return [...own, ...others].slice(0, MAX_FAILURE_NOTES).sort(byCount);
}

/** What was answered within the window: a sum is absent where nothing went into it. */
interface InWindow {
  requests: number;
  inputTokens?: number;
  outputTokens?: number;
  embeddings?: number;
  audioMs?: number;
}

function addTo(
  sums: InWindow,
  name: Exclude<keyof InWindow, "requests">,
  value: number | undefined,
): void {
  if (value !== undefined) sums[name] = (sums[name] ?? 0) + value;
}

/** A text without anything in it, and nothing in its place. */
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

interface Filled {
  readonly metric: Metric;
  readonly values: Column;
}

function columnsOf(table: readonly Metric[]): readonly Filled[] {
  return table.map((metric) => ({ metric, values: column() }));
}

function fold(columns: readonly Filled[], sample: Sample): void {
  for (const { metric, values } of columns) {
    const value = metric.of(sample);
    if (typeof value === "number") values.add(value);
    else if (value) { for (const each of value) values.add(each); }
  }
}

function summaries(columns: readonly Filled[]): StageReport["metrics"] {
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

function byClass(notes: readonly FailureNote[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { class: name, count } of notes) {
    counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
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
  columns: readonly Filled[],
  chunkMs: number | undefined,
): Summed["client"] {
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

/** Between the first two chunks: the last one of an utterance may be shorter. */
function chunkMsOf({ audioSent: [first, second] }: Sample): number | undefined {
  if (first?.dueMs === undefined || second?.dueMs === undefined) {
    return undefined;
  }
  return second.dueMs - first.dueMs;
}
