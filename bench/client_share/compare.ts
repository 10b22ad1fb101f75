import {
  metricsOf,
  type Sample,
  type StageReport,
  type Verdict,
} from "../../mod.ts";
import { round } from "../numbers.ts";
import type { RunFiles } from "./run.ts";
import type { Truth } from "./truth.ts";

/** The true errors of a run beside the bounds that it reported. */
export interface Comparison {
  /** Requests that ended `ok`. */
  readonly n: number;
  /** Requests of these whose writes were found. */
  readonly found: number;
  readonly figures: Readonly<Record<"ttft" | "latency", Figure>>;
  readonly verdict: Verdict;
  /** The verdict that the true errors lead to. */
  readonly expected: Verdict["status"];
}

/** One figure of all requests, in milliseconds: p50, p90 and p99. */
export interface Figure {
  readonly n: number;
  readonly trueMs: readonly number[];
  readonly boundMs: readonly number[];
  /** Requests whose bound covers the true error, in percent. */
  readonly covered: number;
}

interface Known {
  readonly sample: Sample;
  readonly truth: Truth;
}

interface Pair {
  readonly sample: Sample;
  readonly trueMs: number;
  readonly boundMs: number;
}

/** Compares the samples of a run with what happened at the sockets. */
export async function compare(
  { samples, report }: RunFiles,
  found: ReadonlyMap<string, Truth>,
  { isSaturated }: { isSaturated: boolean },
): Promise<Comparison> {
  const all = await samplesIn(samples);
  const known = all.flatMap((sample) => {
    const truth = found.get(sample.output.responseId ?? "");
    return truth ? [{ sample, truth }] : [];
  });
  // The wall time of the client's clock is that of its system to a microsecond.
  const zeroMs = report.run.epochMs;
  const ttft = known.flatMap((each) => ttftOf(each, zeroMs));
  const latency = known.map((each) => latencyOf(each, zeroMs));
  const stage = report.stages[0]!;
  return {
    n: all.length,
    found: known.length,
    figures: { ttft: figure(ttft), latency: figure(latency) },
    verdict: stage.verdict,
    expected: expectedOf(stage, { ttft, latency }, isSaturated),
  };
}

/**
 * The verdict by the rule of docs/metrics.md, with the true errors in place of their bounds. However exact the times of
 * a saturated client are, its requests per second are its own.
 */
function expectedOf(
  { client: { chunkLateness, chunkMs } }: StageReport,
  { ttft, latency }: Record<"ttft" | "latency", readonly Pair[]>,
  isSaturated: boolean,
): Verdict["status"] {
  if (latency.length < 10) return "too-few-samples";
  if (isSaturated) return "client-limited";
  const isLate = chunkLateness && chunkMs && chunkLateness.p99 > chunkMs / 2;
  const isWrong = isTooHigh(ttft, "ttft") ||
    isTooHigh(latency, "latency") || isTooHigh(latency, "finalization");
  return isLate || isWrong ? "client-limited" : "valid";
}

/** Whether a percentile of a metric is too high by more than 1 ms and a tenth, where there are values enough for it. */
function isTooHigh(pairs: readonly Pair[], name: string): boolean {
  const values = pairs.flatMap(({ sample, trueMs }) => {
    const ms = metricsOf(sample)[name];
    return ms === undefined ? [] : [{ ms, rightMs: ms - trueMs }];
  });
  const measured = quantiles(values.map(({ ms }) => ms));
  const right = quantiles(values.map(({ rightMs }) => rightMs));
  return [10, 30, 100].some((least, i) => {
    const ms = measured[i]!;
    return values.length >= least && ms - right[i]! > Math.max(1, ms / 10);
  });
}

async function samplesIn(path: string): Promise<Sample[]> {
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).filter((line) =>
    line.schema.startsWith("earshot.sample/") && line.phase === "measure" &&
    line.outcome.status === "ok"
  );
}

function ttftOf({ sample, truth }: Known, zeroMs: number): Pair[] {
  const tokenMs = tokenMsOf(sample);
  if (tokenMs === undefined) return [];
  const { client } = sample;
  return [{
    sample,
    trueMs: sendingMs({ sample, truth }, zeroMs) + tokenMs -
      (truth.firstTokenMs - zeroMs),
    boundMs: (client?.sendingMs ?? 0) + (client?.firstTokenMs ?? 0),
  }];
}

function latencyOf({ sample, truth }: Known, zeroMs: number): Pair {
  const { client } = sample;
  return {
    sample,
    trueMs: sendingMs({ sample, truth }, zeroMs) + endMsOf(sample) -
      (truth.endMs - zeroMs),
    boundMs: (client?.sendingMs ?? 0) + (client?.endMs ?? 0),
  };
}

/** From dispatch to the first byte written, without the time for a connection. */
function sendingMs({ sample, truth }: Known, zeroMs: number): number {
  const { dispatchedMs, marks: { connected = dispatchedMs } } = sample;
  return truth.sentMs === undefined
    ? 0
    : truth.sentMs - zeroMs - Math.max(connected, dispatchedMs);
}

function tokenMsOf({ deltas }: Sample): number | undefined {
  return deltas.find(({ text }) => text)?.atMs;
}

function endMsOf({ marks, endedMs }: Sample): number {
  return marks.final ?? endedMs;
}

/** Error of the true values themselves: a system call is stamped when it has returned. */
const TOLERANCE_MS = 0.3;

function figure(pairs: readonly Pair[]): Figure {
  const covered = pairs.filter(({ trueMs, boundMs }) =>
    boundMs + TOLERANCE_MS >= trueMs
  );
  return {
    n: pairs.length,
    trueMs: quantiles(pairs.map(({ trueMs }) => trueMs)),
    boundMs: quantiles(pairs.map(({ boundMs }) => boundMs)),
    covered: round(100 * covered.length / pairs.length, 2),
  };
}

function quantiles(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.9, 0.99].map((share) =>
    round(sorted[Math.floor((sorted.length - 1) * share)] ?? NaN, 2)
  );
}
