import type { Usage } from "../../plugins/mod.ts";
import { fieldOf, isObject, type JsonObject } from "./json.ts";

/**
 * The counts in a `usage` object, under the names of any endpoint and of the servers that have their own: OpenAI,
 * vLLM, sglang, DeepSeek, Mistral. `undefined` where nothing in it is known.
 */
export function usageOf(usage: unknown): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const read = [
    usage.prompt_tokens_details,
    usage.input_tokens_details,
    usage.input_token_details,
  ];
  const written = [
    usage.completion_tokens_details,
    usage.output_tokens_details,
  ];
  const known = Object.entries({
    inputTokens: firstCount(usage.prompt_tokens, usage.input_tokens),
    outputTokens: outputIn(usage),
    cachedTokens: firstCount(
      ...read.map((details) => fieldOf(details, "cached_tokens")),
      usage.prompt_cache_hit_tokens,
    ),
    audioTokens: firstCount(
      ...read.map((details) => fieldOf(details, "audio_tokens")),
    ),
    reasoningTokens: firstCount(
      ...written.map((details) => fieldOf(details, "reasoning_tokens")),
      usage.reasoning_tokens,
    ),
    audioSeconds: [usage.prompt_audio_seconds, usage.seconds].find(isSeconds),
  }).filter(([, count]) => count !== undefined);
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

function outputIn(usage: JsonObject): number | undefined {
  return firstCount(usage.completion_tokens, usage.output_tokens);
}

function firstCount(...values: readonly unknown[]): number | undefined {
  return values.find(isCount);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** Follows the usage through the events of a stream. */
export interface UsageMeter {
  /** The last that was told; `undefined` before. */
  readonly usage: Usage | undefined;
  /**
   * Takes the `usage` of one event with output in it. Returns how many tokens that event brought, where each event
   * so far told how many there were.
   */
  output(usage: unknown): number | undefined;
  /** Takes the `usage` of an event without output. */
  aside(usage: unknown): void;
}

/** Counts tokens by event only for one answer: of several, nobody knows whose they are. */
export function usageMeter(
  { answers }: { readonly answers: number },
): UsageMeter {
  let last: unknown;
  let isContinuous = answers === 1;
  let before = 0;
  /** Only what says anything is kept; of events by the thousand only the last is looked at closely. */
  function keep(usage: unknown): number | undefined {
    if (!isObject(usage)) return undefined;
    const total = outputIn(usage);
    if (total !== undefined || usageOf(usage)) last = usage;
    return total;
  }
  return {
    get usage() {
      return usageOf(last);
    },
    output(usage) {
      const total = keep(usage);
      if (!isContinuous || total === undefined || total < before) {
        isContinuous = false;
        return undefined;
      }
      const tokens = total - before;
      before = total;
      return tokens;
    },
    aside: (usage) => void keep(usage),
  };
}
