import type { RequestOptions } from "./options.ts";

/** Token counts of one answer. */
export interface Counts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

/** Where a stream brings usage. */
export interface UsagePlaces {
  /** With each chunk. */
  readonly each: boolean;
  /** With the chunk that has the finish_reason. */
  readonly finish: boolean;
  /** In a chunk of its own, behind all. */
  readonly last: boolean;
}

/** Where usage goes, by what the request asks and what is set. */
export function usagePlaces(
  streamOptions: unknown,
  { usageStyle, dialect }: RequestOptions,
): UsagePlaces {
  const own = dialect === "mistral" || dialect === "deepseek"
    ? "finish"
    : "asked";
  const style = usageStyle || own;
  const asked = (streamOptions ?? {}) as Record<string, unknown>;
  const last = asked.include_usage === true;
  switch (style) {
    case "asked":
      return {
        each: last && asked.continuous_usage_stats === true,
        finish: false,
        last,
      };
    case "final":
      return { each: false, finish: false, last: true };
    case "finish":
      return { each: false, finish: true, last: false };
    case "every":
      return { each: true, finish: false, last: true };
    case "none":
      return { each: false, finish: false, last: false };
  }
}

/** The usage of a chat or completion, in the dialect's fields. */
export function usageOf(counts: Counts, options: RequestOptions): unknown {
  const usage = plainUsage(counts);
  const cached = Math.min(options.cachedTokens, counts.promptTokens);
  const details = {
    prompt_tokens_details: options.cachedTokens > 0
      ? { cached_tokens: cached }
      : null,
    completion_tokens_details: counts.reasoningTokens > 0
      ? { reasoning_tokens: counts.reasoningTokens }
      : null,
  };
  switch (options.dialect) {
    case "vllm":
      return { ...usage, ...details };
    case "sglang":
      return {
        ...usage,
        prompt_tokens_details: details.prompt_tokens_details,
        reasoning_tokens: counts.reasoningTokens,
      };
    case "mistral":
      return usage;
    case "openai":
      return {
        ...usage,
        prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: counts.reasoningTokens,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      };
    case "deepseek":
      return {
        ...usage,
        prompt_tokens_details: { cached_tokens: cached },
        ...(counts.reasoningTokens > 0 && {
          completion_tokens_details: {
            reasoning_tokens: counts.reasoningTokens,
          },
        }),
        prompt_cache_hit_tokens: cached,
        prompt_cache_miss_tokens: counts.promptTokens - cached,
      };
  }
}

/** The three counts that all have, in vLLM's order. */
export function plainUsage(
  { promptTokens, completionTokens }: Counts,
): Record<string, number> {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

/** The usage of a stream's last chunk: vLLM leaves out there what is null. */
export function lastUsage(counts: Counts, options: RequestOptions): unknown {
  const usage = usageOf(counts, options) as Record<string, unknown>;
  if (options.dialect !== "vllm") return usage;
  return Object.fromEntries(
    Object.entries(usage).filter(([, value]) => value !== null),
  );
}

/** The usage of a chunk in the middle of a stream. */
export function runningUsage(counts: Counts, options: RequestOptions): unknown {
  if (options.dialect !== "vllm") return usageOf(counts, options);
  return {
    ...plainUsage(counts),
    completion_tokens_details: counts.reasoningTokens > 0
      ? { reasoning_tokens: counts.reasoningTokens }
      : null,
  };
}
