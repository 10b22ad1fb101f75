import type { Sample } from "../sample.ts";
import {
  finite,
  gaps,
  isToken,
  type Metric,
  minus,
  ratio,
  streamedAudio,
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
    of: (sample) =>
      streamedAudio(sample) ? undefined : gaps(sample.deltas.filter(isToken)),
  },
  {
    name: "tpot",
    unit: "ms",
    label: "time per output token",
    formula: "(last token delta − first token delta) ÷ (output tokens − 1)",
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
    formula: "input tokens, as the server counts",
    of: ({ output }) => finite(output.usage?.inputTokens),
  },
  {
    name: "outputTokens",
    unit: "tokens",
    label: "output tokens",
    formula: "output tokens, as the server counts",
    of: tokens,
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

/** Where one read brought all there was, the server's pace cannot be told: 0 would be a lie. */
function timePerToken(sample: Sample): number | undefined {
  if (streamedAudio(sample)) return undefined;
  const spanMs = minus(
    sample.deltas.findLast(isToken)?.atMs,
    sample.deltas.find(isToken)?.atMs,
  );
  const after = minus(tokens(sample), 1);
  if (!spanMs || !after || after < 1) return undefined;
  return ratio(spanMs, after);
}
