import type { Unit } from "../report.ts";
import type { Delta, Sample, Usage } from "../sample.ts";

/** Values of a metric in one sample. `undefined`, never 0, where it is unknown. */
export type MetricValue = number | readonly number[] | undefined;

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
  /** Its value in a sample. */
  of(sample: Sample): MetricValue;
}

function metric(
  name: string,
  unit: Unit,
  label: string,
  { formula, of }: Pick<Metric, "formula" | "of">,
): Metric {
  return { name, unit, label, formula, of };
}

/** The points in time of the formulas, by their names in docs/metrics.md. `undefined` where unknown. */
const points = {
  scheduled: ({ scheduledMs }: Sample) => scheduledMs,
  dispatched: ({ dispatchedMs }: Sample) => dispatchedMs,
  connected: ({ marks }: Sample) => marks.connected,
  ready: ({ marks }: Sample) => marks.ready,
  headers: ({ marks }: Sample) => marks.headers,
  start: startMs,
  "first token delta": ({ deltas }: Sample) => deltas.find(isToken)?.atMs,
  "first text delta": ({ deltas }: Sample) => deltas.find(isText)?.atMs,
  over: audioEndMs,
  endSent: ({ marks }: Sample) => marks.endSent,
  final: ({ marks }: Sample) => marks.final,
  ended: ({ endedMs }: Sample) => endedMs,
};

/** A time between two points. */
function time(
  name: string,
  label: string,
  end: keyof typeof points,
  start: keyof typeof points,
): Metric {
  const [endMs, fromMs] = [points[end], points[start]];
  return metric(name, "ms", label, {
    formula: `${end} − ${start}`,
    of: (sample) => minus(endMs(sample), fromMs(sample)),
  });
}

/** A number of tokens. */
function count(name: TokenCount, label: string, formula: string): Metric {
  const of = (sample: Sample) => tokens(sample, name);
  return metric(name, "tokens", label, { formula, of });
}

/** Metrics of each request that ended `ok`, in the order in which they are shown. */
export const metrics: readonly Metric[] = [
  // Times of any request.
  time("latency", "E2E latency", "ended", "dispatched"),
  time("responseTime", "response time", "ended", "scheduled"),
  time("connect", "connect", "connected", "dispatched"),
  time("setup", "session setup", "ready", "connected"),
  metric("upload", "ms", "upload", {
    formula: "requestSent − connected, or − dispatched on an open connection",
    of: ({ marks, dispatchedMs }) =>
      minus(marks.requestSent, marks.connected ?? dispatchedMs),
  }),
  time("ttfb", "TTFB (response headers)", "headers", "dispatched"),
  metric("firstEvent", "ms", "first event", {
    formula: "first event, or delta of any kind, empty ones too − start",
    of: (sample) =>
      minus(sample.marks.firstEvent ?? sample.deltas[0]?.atMs, startMs(sample)),
  }),
  time("ttft", "TTFT", "first token delta", "start"),
  time("ttftCold", "TTFT from dispatch", "first token delta", "dispatched"),
  time("ttfo", "TTFO (first answer text)", "first text delta", "dispatched"),

  // Numbers of tokens and their pace.
  metric("itl", "ms", "ITL", {
    formula: "each gap between successive token deltas",
    of: pace(tokenGaps),
  }),
  metric("tpot", "ms", "TPOT", {
    formula:
      "(last token delta − first token delta) ÷ (output tokens − those in the first delta)",
    of: pace(timePerToken),
  }),
  metric("ntpot", "ms", "NTPOT", {
    formula: "latency ÷ output tokens",
    of: pace((sample) => ratio(latencyMs(sample), tokens(sample))),
  }),
  count("inputTokens", "input tokens", "input tokens"),
  count(
    "cachedTokens",
    "cached input tokens",
    "input tokens that the server had in its cache",
  ),
  count("outputTokens", "output tokens", "output tokens"),
  count(
    "reasoningTokens",
    "reasoning tokens",
    "output tokens of the reasoning",
  ),
  metric("outputTokensPerSecond", "tokens/s", "output tokens/s", {
    formula: "output tokens ÷ latency in seconds",
    of: pace((sample) => ratio(tokens(sample), latencyMs(sample) / 1000)),
  }),

  // Metrics of requests with speech.
  metric("audioSeconds", "s", "audio", {
    formula: "length of the audio",
    of: ({ input }) => ratio(input.audioMs, 1000),
  }),
  metric("rtfxRequest", "ratio", "RTFx", {
    formula: "length of the audio ÷ latency",
    of: (sample) => ratio(sample.input.audioMs, latencyMs(sample)),
  }),
  time("finalization", "finalization", "final", "over"),
  time(
    "finalizationFromEnd",
    "finalization from end message",
    "final",
    "endSent",
  ),
  metric("deltaGap", "ms", "gap between texts", {
    formula: "each gap between successive text deltas",
    of: (sample) =>
      streamedAudio(sample)
        ? unlessEmpty(gaps(sample.deltas.filter(isText)))
        : undefined,
  }),
  metric("revisions", "count", "revisions", {
    formula: "replace-mode text deltas that change words already shown",
    of: revisions,
  }),
];

/** Metrics of the client: of every request, however it ended. */
export const clientMetrics: readonly Metric[] = [
  time("scheduleLag", "schedule lag", "dispatched", "scheduled"),
  metric("chunkLateness", "ms", "chunk lateness", {
    formula: "sent − due, of each paced chunk of audio",
    of: chunkLateness,
  }),
  metric("turnaround", "ms", "turnaround", {
    formula: "end of the response → ready for the next request",
    of: ({ client }) => client?.turnaroundMs,
  }),
];

/** Name of a share. */
export type ShareName =
  | "ttftShare"
  | "latencyShare"
  | "responseTimeShare"
  | "finalizationShare";

/** The client's share of a metric. */
export interface ShareMetric extends Metric {
  /** Name of the metric, with `Share`. */
  readonly name: ShareName;
  /** The metric that it is a part of. */
  readonly whole: Metric;
  /** Place of that metric in {@linkcode metrics}. */
  readonly wholePlace: number;
}

function share(
  name: "ttft" | "latency" | "responseTime" | "finalization",
  { formula, of }: {
    formula: string;
    of(sample: Sample, client: NonNullable<Sample["client"]>): MaybeNumber;
  },
): ShareMetric {
  const wholePlace = metrics.findIndex((metric) => metric.name === name);
  const whole = metrics[wholePlace]!;
  return {
    name: `${name}Share`,
    unit: "ms",
    label: `client's share of ${whole.label}`,
    formula,
    whole,
    wholePlace,
    of: (sample) =>
      sample.client && sample.outcome.status === "ok"
        ? of(sample, sample.client)
        : undefined,
  };
}

/** How much of each headline metric the client can have made itself: upper bounds, of requests that ended `ok`. */
export const shareMetrics: readonly ShareMetric[] = [
  share("ttft", {
    formula: "sending + wait of the read with the first token",
    of: (sample, { firstTokenMs }) =>
      plus(
        sendingMs(sample, points["first token delta"](sample)),
        firstTokenMs,
      ),
  }),
  share("latency", {
    formula: "sending + wait of the last read",
    of: (sample, { endMs }) => plus(sendingMs(sample), endMs),
  }),
  share("responseTime", {
    formula: "sending + wait of the last read + dispatched − scheduled",
    of: (sample, { endMs }) =>
      plus(
        sendingMs(sample),
        endMs + sample.dispatchedMs - sample.scheduledMs,
      ),
  }),
  share("finalization", {
    formula: "lateness of the last chunk + wait of the last read since then",
    of(sample, { endMs }) {
      const last = streamedAudio(sample) && sample.audioSent.at(-1);
      const { final } = sample.marks;
      if (!last || final === undefined) return undefined;
      const waitedMs = Math.min(endMs, Math.max(0, final - last.atMs));
      return plus(latenessMs(sample), waitedMs);
    },
  }),
];

/**
 * Metrics of one sample that are a single number, by name: a row of a table, with the client's shares. Lists (`itl`,
 * `deltaGap`, `chunkLateness`) and unknown values are left out. The request may have ended in any way.
 */
export function metricsOf(sample: Sample): Record<string, number> {
  const row: Record<string, number> = {};
  for (const { name, of } of [...metrics, ...clientMetrics, ...shareMetrics]) {
    const value = of(sample);
    if (typeof value === "number") row[name] = value;
  }
  return row;
}

function chunkLateness({ audioSent }: Sample): readonly number[] | undefined {
  return unlessEmpty(
    audioSent.flatMap(({ atMs, dueMs }) => minus(atMs, dueMs) ?? []),
  );
}

/** Time that the client took to send: a request, or for streamed audio the lateness of its last chunk before a time. */
function sendingMs(sample: Sample, beforeMs?: number): number {
  return streamedAudio(sample)
    ? latenessMs(sample, beforeMs)
    : sample.client?.sendingMs ?? 0;
}

/** Lateness of the last chunk of audio sent before a time. */
function latenessMs({ audioSent }: Sample, beforeMs = Infinity): number {
  const last = audioSent.findLast(({ atMs }) => atMs <= beforeMs);
  return last?.dueMs === undefined ? 0 : Math.max(0, last.atMs - last.dueMs);
}

function unlessEmpty(values: readonly number[]): readonly number[] | undefined {
  return values.length > 0 ? values : undefined;
}

type TokenCount = keyof Usage & `${string}Tokens`;

function tokens(
  { output }: Sample,
  name: TokenCount = "outputTokens",
): number | undefined {
  return finite(output.usage?.[name]);
}

/** A pace of tokens. It is unknown where audio was streamed: it is the speaker's then, not the server's. */
function pace(of: Metric["of"]): Metric["of"] {
  return (sample) => streamedAudio(sample) ? undefined : of(sample);
}

function latencyMs({ endedMs, dispatchedMs }: Sample): number {
  return endedMs - dispatchedMs;
}

function tokenGaps(sample: Sample): readonly number[] | undefined {
  const answers = tokensByChoice(sample);
  const [only] = answers;
  return unlessEmpty(
    answers.length === 1 ? gaps(only!) : answers.flatMap(gaps),
  );
}

/**
 * Unknown where one read brought the whole answer: 0 would be wrong. Of several answers the spans are summed, as their
 * tokens are.
 */
function timePerToken(sample: Sample): number | undefined {
  const total = tokens(sample);
  if (total === undefined) return undefined;
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
  const isReplaced = deltas.some(({ kind, mode }) =>
    kind === "text" && mode === "replace"
  );
  if (!isReplaced) return undefined;
  let shown = "", changed = 0;
  for (const { kind, text = "", mode } of deltas) {
    if (kind !== "text") continue;
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

/** A number, or `undefined` if it is unknown. */
type MaybeNumber = number | undefined;

/** Returns `a + b`, or `undefined` where `b` is unknown. */
function plus(a: number, b: MaybeNumber): MaybeNumber {
  return b === undefined ? undefined : finite(a + b);
}

/** Returns `a − b`, or `undefined` where either is unknown. */
function minus(a: MaybeNumber, b: MaybeNumber): MaybeNumber {
  return a === undefined || b === undefined ? undefined : finite(a - b);
}

/** Returns `a ÷ b`, or `undefined` where either is unknown or `b` is 0. */
function ratio(a: MaybeNumber, b: MaybeNumber): MaybeNumber {
  return a === undefined || b === undefined ? undefined : finite(a / b);
}

/** Returns a finite number, or `undefined`: a backend may have given NaN. */
function finite(value: MaybeNumber): MaybeNumber {
  return Number.isFinite(value) ? value : undefined;
}

/** Start of a request: of its audio stream, or else its dispatch. */
function startMs({ marks, dispatchedMs }: Sample): number {
  return marks.streamStart ?? dispatchedMs;
}

/** Whether a delta is text of the answer and not empty. */
function isText({ kind, text }: Delta): boolean {
  return kind === "text" && text !== undefined && text !== "";
}

/** Whether a delta is output of any kind and not empty: answer, reasoning, refusal, a call's name or arguments, audio. */
export function isToken({ text, bytes = 0 }: Delta): boolean {
  return (text !== undefined && text !== "") || bytes > 0;
}

/** Returns the deltas that are output: mostly all of them. */
export function tokensOf({ deltas }: Pick<Sample, "deltas">): Sample["deltas"] {
  return deltas.every(isToken) ? deltas : deltas.filter(isToken);
}

/** The deltas that are output, by answer: one list, unless several answers were asked for. */
export function tokensByChoice(sample: Sample): Sample["deltas"][] {
  const tokens = tokensOf(sample);
  if (tokens.length === 0) return [];
  if (tokens.every(({ choice }) => !choice)) return [tokens];
  return [...Map.groupBy(tokens, ({ choice = 0 }) => choice).values()];
}

/** Times between successive deltas. */
function gaps(deltas: Sample["deltas"]): number[] {
  const found: number[] = [];
  for (let i = 1; i < deltas.length; i++) {
    const gap = deltas[i]!.atMs - deltas[i - 1]!.atMs;
    if (Number.isFinite(gap)) found.push(gap);
  }
  return found;
}

/** Whether audio was streamed: the output then follows the speaker. */
function streamedAudio({ audioSent }: Sample): boolean {
  return audioSent.length > 0;
}
