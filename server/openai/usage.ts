import type { Exchange } from "../http/exchange.ts";
import type { Options } from "../settings.ts";

/** Token counts of an answer. */
export interface Counts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

/** The head of every chunk and answer. */
export interface Head {
  readonly id: string;
  /** In seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** Creates the head of an answer, by the model that the request names or by the first. */
export function headOf(
  { id, clock, host }: Exchange,
  model: unknown,
): Head {
  const created = Math.floor(clock.now() / 1000);
  return { id, created, model: String(model ?? host.models[0]) };
}

/** Fields that are null. */
export function nulls(...names: string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(names.map((name) => [name, null]));
}

/** The version of vLLM. */
const VLLM_PRINT = { system_fingerprint: "vllm-0.32.0-d2b7fb31" };

/** Service and version of OpenAI. */
export const OPENAI_PRINT = {
  service_tier: "default",
  system_fingerprint: "fp_0123456789",
};

/** The three counts in vLLM's order. */
export function plainUsage({ promptTokens, completionTokens }: Counts) {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

/** The usage of a chat or completion. */
export function usageOf(
  counts: Counts,
  { cachedTokens, dialect }: Options,
): Readonly<Record<string, unknown>> {
  const reasoning = { reasoning_tokens: counts.reasoningTokens };
  const cached = { cached_tokens: Math.min(cachedTokens, counts.promptTokens) };
  const details = dialect === "vllm"
    ? {
      prompt_tokens_details: cachedTokens > 0 ? cached : null,
      completion_tokens_details: counts.reasoningTokens > 0 ? reasoning : null,
    }
    : {
      prompt_tokens_details: { ...cached, audio_tokens: 0 },
      completion_tokens_details: {
        ...reasoning,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    };
  return { ...plainUsage(counts), ...details };
}

/** The usage of the chunks of a stream, with the version that vLLM ends a stream with. */
export type StreamUsage = ReturnType<typeof streamUsage>;

/**
 * Places the usage of a stream as the request asks, or as the options set.
 *
 * @param running Form of the usage of a chunk in the middle.
 */
export function streamUsage(
  streamOptions: unknown,
  options: Options,
  running: (counts: Counts, options: Options) => unknown,
) {
  const { usageStyle } = options;
  const asked = Object(streamOptions);
  const isVllm = options.dialect === "vllm";
  const hasLast = usageStyle === "final" || usageStyle === "every" ||
    (usageStyle === "asked" && asked.include_usage === true);
  const hasEach = usageStyle === "every" ||
    (usageStyle === "asked" && hasLast &&
      asked.continuous_usage_stats === true);
  const print = isVllm ? VLLM_PRINT : {};
  const during = (counts: Counts): object =>
    hasEach
      ? { usage: running(counts, options) }
      : hasLast && !isVllm
      ? { usage: null }
      : {};
  return {
    /** Fields of a chunk before the last of an answer. */
    during,
    /** Fields of the chunk with the finish reason. */
    atFinish: (counts: Counts): object => ({
      ...(usageStyle === "finish"
        ? { usage: usageOf(counts, options) }
        : during(counts)),
      ...(!hasLast && print),
    }),
    /** Fields of a last chunk of its own; undefined if there is no such chunk. */
    alone: hasLast
      ? (counts: Counts): object => ({
        usage: lastUsage(counts, options),
        ...print,
      })
      : undefined,
    /** Whether the finish reason's chunk counts the tokens of all answers. */
    isFinal: usageStyle === "finish",
  };
}

/** The usage of a chunk in the middle of a chat. */
export function runningUsage(counts: Counts, options: Options): unknown {
  const { completion_tokens_details, ...usage } = usageOf(counts, options);
  return options.dialect === "vllm"
    ? { ...plainUsage(counts), completion_tokens_details }
    : { ...usage, completion_tokens_details };
}

/** The usage of a last chunk: vLLM leaves out what is null there. */
function lastUsage(counts: Counts, options: Options): unknown {
  const entries = Object.entries(usageOf(counts, options));
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

/** The fields of an answer in one piece, in the order of the dialect. */
export function wholeAnswer(
  { id, created, model }: Head,
  object: string,
  choices: readonly object[],
  counts: Counts,
  options: Options,
  vllmFields: object = {},
): object {
  const head = { id, object, created, model, choices };
  const usage = usageOf(counts, options);
  if (options.dialect !== "vllm") return { ...head, usage };
  return {
    ...head,
    service_tier: null,
    ...VLLM_PRINT,
    usage,
    ...vllmFields,
    ...nulls("kv_transfer_params", "ec_transfer_params", "metrics"),
  };
}
