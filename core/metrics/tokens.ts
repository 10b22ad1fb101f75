import type { Sample } from "../sample.ts";
import {
  finite,
  gaps,
  type Metric,
  ratio,
  streamedAudio,
  tokensByChoice,
} from "./metric.ts";

/**
 * How many tokens, and how fast they came. The pace is not told where audio was streamed: it is the speaker's
 * then, not the server's.
 */
export const tokenMetrics: readonly Metric[] = [
  {
    name: "itl",
    unit: "ms",
    label: "inter-token latency",
    formula: "each gap between successive token deltas",
    of: tokenGaps,
  },
  {
    name: "tpot",
    unit: "ms",
    label: "time per output token",
    formula:
      "(last token delta − first token delta) ÷ (output tokens − those in the first delta)",
    of: timePerToken,
  },
  {
    name: "ntpot",
    unit: "ms",
    label: "latency per output token",
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
    label: "output tokens per second",
    formula: "output tokens ÷ latency in seconds",
    of: (sample) =>
      streamedAudio(sample)
        ? undefined
        : ratio(tokens(sample), latencyMs(sample) / 1000),
  },
];

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
 * Where one read brought all there was, the server's pace cannot be told: 0 would be a lie. Of several answers the
 * spans are summed, as their tokens are.
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
