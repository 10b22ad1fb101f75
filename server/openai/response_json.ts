import type { Answer } from "./answer.ts";
import type { Body } from "./body.ts";
import type { Head } from "./head.ts";
import type { RequestOptions } from "./options.ts";
import { itemOf, type OutputItem } from "./response_items.ts";
import type { Counts } from "./usage.ts";

/** What a response repeats of its request. */
export interface ResponseFacts {
  readonly head: Head;
  readonly body: Body;
  /** The most tokens. */
  readonly most: number;
}

/** How far a response is. */
export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete";
  readonly output: readonly unknown[];
  readonly usage: unknown;
}

/** The response object, as vLLM has it. */
export function responseObject(
  { head, body, most }: ResponseFacts,
  { status, output, usage }: ResponseState,
): Record<string, unknown> {
  const hasTools = Array.isArray(body.tools) && body.tools.length > 0;
  return {
    id: head.id,
    created_at: head.created,
    incomplete_details: status === "incomplete"
      ? { reason: "max_output_tokens" }
      : null,
    instructions: body.instructions ?? null,
    metadata: body.metadata ?? null,
    model: head.model,
    object: "response",
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    temperature: body.temperature ?? 1.0,
    tool_choice: body.tool_choice ?? (hasTools ? "auto" : "none"),
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1.0,
    background: false,
    max_output_tokens: most,
    max_tool_calls: null,
    previous_response_id: body.previous_response_id ?? null,
    prompt: null,
    reasoning: body.reasoning ?? null,
    service_tier: "auto",
    status,
    text: body.text ?? null,
    top_logprobs: null,
    truncation: "disabled",
    usage,
    user: body.user ?? null,
    presence_penalty: 0.0,
    frequency_penalty: 0.0,
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  };
}

/** The usage of a response. */
export function responseUsage(
  { promptTokens, completionTokens, reasoningTokens }: Counts,
  { cachedTokens, dialect }: RequestOptions,
): unknown {
  const isVllm = dialect === "vllm";
  return {
    input_tokens: promptTokens,
    input_tokens_details: {
      cached_tokens: Math.min(cachedTokens, promptTokens),
      ...(isVllm && {
        cache_write_tokens: 0,
        input_tokens_per_turn: [],
        cached_tokens_per_turn: [],
      }),
    },
    output_tokens: completionTokens,
    output_tokens_details: {
      reasoning_tokens: reasoningTokens,
      ...(isVllm && {
        tool_output_tokens: 0,
        output_tokens_per_turn: [],
        tool_output_tokens_per_turn: [],
      }),
    },
    total_tokens: promptTokens + completionTokens,
  };
}

/** The items of an answer. */
export function itemsOf(
  { pieces }: Answer,
  { id, options }: { id: string; options: RequestOptions },
): OutputItem[] {
  const items: OutputItem[] = [];
  for (const piece of pieces) {
    let item = items.at(-1);
    if (!item || item.kind !== piece.kind || item.call !== piece.call) {
      item = itemOf(piece, {
        response: id,
        index: items.length,
        dialect: options.dialect,
      });
      items.push(item);
    }
    item.delta(piece);
  }
  return items;
}
