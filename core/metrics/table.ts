import type { Delta, Sample } from "../sample.ts";
import type { Unit } from "../report.ts";

/** Times of any request. */
const latencyMetrics: readonly Metric[] = [
  {
    name: "latency",
    unit: "ms",
    label: "E2E latency",
    formula: "ended − dispatched",
    of: ({ endedMs, dispatchedMs }) => minus(endedMs, dispatchedMs),
  },
  {
    name: "responseTime",
    unit: "ms",
    label: "response time",
    formula: "ended − scheduled",
    of: ({ endedMs, scheduledMs }) => minus(endedMs, scheduledMs),
  },
  {
    name: "connect",
    unit: "ms",
    label: "connect",
    formula: "connected − dispatched",
    of: ({ marks, dispatchedMs }) => minus(marks.connected, dispatchedMs),
  },
  {
    name: "setup",
    unit: "ms",
    label: "session setup",
    formula: "ready − connected",
    of: ({ marks }) => minus(marks.ready, marks.connected),
  },
  {
    name: "upload",
    unit: "ms",
    label: "upload",
    formula: "requestSent − connected, or − dispatched on an open connection",
    of: ({ marks, dispatchedMs }) =>
      minus(marks.requestSent, marks.connected ?? dispatchedMs),
  },
  {
    name: "ttfb",
    unit: "ms",
    label: "TTFB (response headers)",
    formula: "headers − dispatched",
    of: ({ marks, dispatchedMs }) => minus(marks.headers, dispatchedMs),
  },
  {
    name: "firstEvent",
    unit: "ms",
    label: "first event",
    formula: "first event, or delta of any kind, empty ones too − start",
    of: (sample) =>
      minus(
        sample.marks.firstEvent ?? sample.deltas[0]?.atMs,
        startMs(sample),
      ),
  },
  {
    name: "ttft",
    unit: "ms",
    label: "TTFT",
    formula: "first token delta − start",
    of: (sample) => minus(sample.deltas.find(isToken)?.atMs, startMs(sample)),
  },
  {
    name: "ttftCold",
    unit: "ms",
    label: "TTFT from dispatch",
    formula: "first token delta − dispatched",
    of: ({ deltas, dispatchedMs }) =>
      minus(deltas.find(isToken)?.atMs, dispatchedMs),
  },
  {
    name: "ttfo",
    unit: "ms",
    label: "TTFO (first answer text)",
    formula: "first text delta − dispatched",
    of: ({ deltas, dispatchedMs }) =>
      minus(deltas.find(isText)?.atMs, dispatchedMs),
  },
];

/**
 * Numbers of tokens and their pace. The pace is unknown where audio was streamed: it is the speaker's then, not the
 * server's.
 */
const tokenMetrics: readonly Metric[] = [
  {
    name: "itl",
    unit: "ms",
    label: "ITL",
    formula: "each gap between successive token deltas",
    of: tokenGaps,
  },
  {
    name: "tpot",
    unit: "ms",
    label: "TPOT",
    formula:
      "(last token delta − first token delta) ÷ (output tokens − those in the first delta)",
    of: timePerToken,
  },
  {
    name: "ntpot",
    unit: "ms",
    label: "NTPOT",
    formula: "latency ÷ output tokens",
    of: (sample) =>
      streamedAudio(sample)
        ? undefined
        : ratio(latencyMs(sample), tokens(sample)),
  },
  {
    name: "inputTokens",
    unit: "tokens",
    label: "input tokens",
    formula: "input tokens",
    of: ({ output }) => finite(output.usage?.inputTokens),
  },
  {
    name: "cachedTokens",
    unit: "tokens",
    label: "cached input tokens",
    formula: "input tokens that the server had in its cache",
    of: ({ output }) => finite(output.usage?.cachedTokens),
  },
  {
    name: "outputTokens",
    unit: "tokens",
    label: "output tokens",
    formula: "output tokens",
    of: tokens,
  },
  {
    name: "reasoningTokens",
    unit: "tokens",
    label: "reasoning tokens",
    formula: "output tokens of the reasoning",
    of: ({ output }) => finite(output.usage?.reasoningTokens),
  },
  {
    name: "outputTokensPerSecond",
    unit: "tokens/s",
    label: "output tokens/s",
    formula: "output tokens ÷ latency in seconds",
    of: (sample) =>
      streamedAudio(sample)
        ? undefined
        : ratio(tokens(sample), latencyMs(sample) / 1000),
  },
];

/** Metrics of requests with speech. */
const speechMetrics: readonly Metric[] = [
  {
    name: "audioSeconds",
    unit: "s",
    label: "audio",
    formula: "length of the audio",
    of: ({ input }) => ratio(input.audioMs, 1000),
  },
  {
    name: "rtfxRequest",
    unit: "ratio",
    label: "RTFx",
    formula: "length of the audio ÷ latency",
    of: ({ input, endedMs, dispatchedMs }) =>
      ratio(input.audioMs, endedMs - dispatchedMs),
  },
  {
    name: "finalization",
    unit: "ms",
    label: "finalization",
    formula: "final − over",
    of: (sample) => minus(sample.marks.final, audioEndMs(sample)),
  },
  {
    name: "finalizationFromEnd",
    unit: "ms",
    label: "finalization from end message",
    formula: "final − endSent",
    of: ({ marks }) => minus(marks.final, marks.endSent),
  },
  {
    name: "deltaGap",
    unit: "ms",
    label: "gap between texts",
    formula: "each gap between successive text deltas",
    of: (sample) =>
      streamedAudio(sample) ? gaps(sample.deltas.filter(isText)) : undefined,
  },
  {
    name: "revisions",
    unit: "count",
    label: "revisions",
    formula: "replace-mode text deltas that change words already shown",
    of: revisions,
  },
];

/** Metrics of each request that ended `ok`, in the order in which they are shown. */
export const metrics: readonly Metric[] = [
  ...latencyMetrics,
  ...tokenMetrics,
  ...speechMetrics,
];

/** Metrics of the client: of every request, however it ended. */
export const clientMetrics: readonly Metric[] = [
  {
    name: "scheduleLag",
    unit: "ms",
    label: "schedule lag",
    formula: "dispatched − scheduled",
    of: ({ dispatchedMs, scheduledMs }) => minus(dispatchedMs, scheduledMs),
  },
  {
    name: "chunkLateness",
    unit: "ms",
    label: "chunk lateness",
    formula: "sent − due, of each paced chunk of audio",
    of: ({ audioSent }) => {
      const late = audioSent.flatMap(({ atMs, dueMs }) =>
        minus(atMs, dueMs) ?? []
      );
      return late.length > 0 ? late : undefined;
    },
  },
];

/**
 * Metrics of one sample that are a single number, by name: a row of a table. Lists (`itl`, `deltaGap`, `chunkLateness`)
 * and unknown values are left out. The request may have ended in any way.
 */
export function metricsOf(sample: Sample): Record<string, number> {
  const row: Record<string, number> = {};
  for (const { name, of } of [...metrics, ...clientMetrics]) {
    const value = of(sample);
    if (typeof value === "number") row[name] = value;
  }
  return row;
}

function tokens({ output }: Sample): number | undefined {
  return finite(output.usage?.outputTokens);
}

function latencyMs({ endedMs, dispatchedMs }: Sample): number {
  return endedMs - dispatchedMs;
}

function tokenGaps(sample: Sample): readonly number[] | undefined {
  if (streamedAudio(sample)) return undefined;
  const [only, ...others] = tokensByChoice(sample);
  if (only === undefined || others.length === 0) return only && gaps(only);
  const all = [only, ...others].flatMap((deltas) => gaps(deltas) ?? []);
  return all.length > 0 ? all : undefined;
}

/**
 * Unknown where one read brought the whole answer: 0 would be wrong. Of several answers the spans are summed, as their
 * tokens are.
 */
function timePerToken(sample: Sample): number | undefined {
  const total = tokens(sample);
  if (streamedAudio(sample) || total === undefined) return undefined;
  let spanMs = 0, first = 0;
  for (const deltas of tokensByChoice(sample)) {
    spanMs += deltas.at(-1)!.atMs - deltas[0]!.atMs;
    first += deltas[0]!.tokens || 1;
  }
  const after = total - first;
  return spanMs > 0 && after >= 1 ? ratio(spanMs, after) : undefined;
}

/** End of the audio: as scheduled, however late its last chunk left; as sent, where nothing was scheduled. */
function audioEndMs({ audioSent }: Sample): number | undefined {
  const last = audioSent.at(-1);
  return last?.dueMs ?? last?.atMs;
}

function revisions({ deltas }: Sample): number | undefined {
  const texts = deltas.filter(({ kind }) => kind === "text");
  if (!texts.some(({ mode }) => mode === "replace")) return undefined;
  let shown = "", changed = 0;
  for (const { text = "", mode } of texts) {
    if (mode === "replace" && !continues(shown, text)) changed++;
    shown = mode === "replace" ? text : shown + text;
  }
  return changed;
}

/** Whether every word shown is still at its place. */
function continues(shown: string, text: string): boolean {
  const now = words(text);
  return words(shown).every((word, i) => word === now[i]);
}

function words(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}

/** A number, or several, of one sample. docs/metrics.md describes each. */
export interface Metric {
  /** Name in SLOs, JSON and CSV. */
  readonly name: string;
  /** Unit of its values. */
  readonly unit: Unit;
  /** Name for people. */
  readonly label: string;
  /** How it is computed, as docs/metrics.md writes it. */
  readonly formula: string;
  /** Its value in a sample. `undefined`, never 0, where it is unknown. */
  of(sample: Sample): number | readonly number[] | undefined;
}

/** A piece of output with the time of the read that carried it. */
export type TimedDelta = { readonly atMs: number } & Delta;

/** Returns `a − b`, or `undefined` where either is unknown. */
export function minus(
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? undefined : finite(a - b);
}

/** Returns `a ÷ b`, or `undefined` where either is unknown or `b` is 0. */
export function ratio(
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? undefined : finite(a / b);
}

/** Returns a finite number, or `undefined`: a backend may have given NaN. */
export function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Start of a request: of its audio stream, or else its dispatch. */
export function startMs({ marks, dispatchedMs }: Sample): number {
  return marks.streamStart ?? dispatchedMs;
}

/** Whether a delta is text of the answer and not empty. */
export function isText({ kind, text }: Delta): boolean {
  return kind === "text" && text !== undefined && text !== "";
}

/** Whether a delta is output of any kind and not empty: answer, reasoning, refusal, a call's name or arguments, audio. */
export function isToken({ text, bytes = 0 }: Delta): boolean {
  return (text !== undefined && text !== "") || bytes > 0;
}

/** The deltas that are output, by answer: one list, unless several answers were asked for. */
export function tokensByChoice(
  { deltas }: Pick<Sample, "deltas">,
): readonly (readonly TimedDelta[])[] {
  const tokens = deltas.filter(isToken);
  if (tokens.length === 0) return [];
  if (tokens.every(({ choice }) => !choice)) return [tokens];
  return [...Map.groupBy(tokens, ({ choice = 0 }) => choice).values()];
}

/** Times between successive deltas; `undefined` for fewer than two. */
export function gaps(
  deltas: readonly TimedDelta[],
): readonly number[] | undefined {
  if (deltas.length < 2) return undefined;
  const all: number[] = [];
  for (let i = 1; i < deltas.length; i++) {
    const gapMs = deltas[i]!.atMs - deltas[i - 1]!.atMs;
    if (Number.isFinite(gapMs)) all.push(gapMs);
  }
  return all;
}

/** Whether audio was streamed: the output then follows the speaker. */
export function streamedAudio({ audioSent }: Sample): boolean {
  return audioSent.length > 0;
}
