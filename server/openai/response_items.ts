import { innerId } from "../context.ts";
import type { Options } from "../settings.ts";
import type { Piece } from "./answer.ts";
import type { Body } from "./body.ts";
import { type Counts, type Head, nulls } from "./usage.ts";

/** An event of a streamed response, before it is numbered. */
export type ResponseEvent = { readonly type: string } & Fields;

type Fields = Readonly<Record<string, unknown>>;

/** The kinds of items: prefix of their ids, type of the events of their text, and its field in the last one. */
const KINDS = {
  text: ["msg_", "response.output_text", "text"],
  audio: ["msg_", "response.output_text", "text"],
  refusal: ["msg_", "response.refusal", "refusal"],
  reasoning: ["rs_", "response.reasoning_text", "text"],
  tool: ["fc_", "response.function_call_arguments", "arguments"],
} as const;

/** An item of a response's output, while it grows. */
export type OutputItem = ReturnType<typeof createItem>;

/** Creates the item that a piece begins. */
export function createItem(
  { kind, call, name }: Piece,
  { response, index, isVllm }: {
    /** The response's id. */
    readonly response: string;
    /** Index in the output. */
    readonly index: number;
    readonly isVllm: boolean;
  },
) {
  const [prefix, event, field] = KINDS[kind];
  const id = innerId(prefix, response, index);
  const isTool = kind === "tool";
  const place = { item_id: id, output_index: index };
  const at = isTool ? place : { ...place, content_index: 0 };
  const isMessage = kind === "text" || kind === "audio";
  /** More fields of each event of the text. */
  const extra = isMessage && { logprobs: [] };
  let text = "";

  function partOf(isWhole: boolean): object {
    if (kind === "reasoning") return { text, type: "reasoning_text" };
    if (kind === "refusal") return { refusal: text, type: "refusal" };
    const logprobs = isVllm && isWhole ? null : [];
    return { annotations: [], text, type: "output_text", logprobs };
  }

  function itemOf(isWhole: boolean): object {
    const status = isWhole ? "completed" : "in_progress";
    if (isTool) {
      const callPrefix = isVllm ? "chatcmpl-tool-" : "call_";
      const call_id = innerId(callPrefix, response, index);
      const type = "function_call";
      return { arguments: text, call_id, name, type, id, status };
    }
    if (kind === "reasoning") {
      const content = isWhole ? [partOf(true)] : null;
      const type = "reasoning";
      return {
        id,
        summary: [],
        type,
        content,
        encrypted_content: null,
        status,
      };
    }
    const content = isWhole ? [partOf(true)] : [];
    const phase = isVllm && { phase: null };
    return {
      id,
      content,
      role: "assistant",
      status,
      type: "message",
      ...phase,
    };
  }

  /** The events of the item and of its content part, if it has one. */
  function events(what: "added" | "done"): ResponseEvent[] {
    const isWhole = what === "done";
    const item = {
      item: itemOf(isWhole),
      output_index: index,
      type: `response.output_item.${what}`,
    };
    if (isTool) return [item];
    const type = `response.content_part.${what}`;
    const part = { ...at, part: partOf(isWhole), type };
    return isWhole ? [part, item] : [item, part];
  }

  return {
    /** Whether a piece belongs to the item. */
    takes: (piece: Piece) => piece.kind === kind && piece.call === call,
    /** The events at its start. */
    opening: () => events("added"),
    /** Adds a piece; returns its event. */
    delta(piece: Piece): ResponseEvent | undefined {
      if (isTool && piece.text === "") return undefined;
      text += piece.text;
      return { ...at, ...extra, delta: piece.text, type: `${event}.delta` };
    },
    /** The events at its end. */
    closing(): ResponseEvent[] {
      const named = isTool ? { name } : extra;
      const done = { ...at, ...named, [field]: text, type: `${event}.done` };
      return [done, ...events("done")];
    },
    /** The complete item. */
    whole: () => itemOf(true),
  };
}

/** The complete items of an answer. */
export function outputOf(
  pieces: readonly Piece[],
  response: string,
  isVllm: boolean,
): object[] {
  const items: OutputItem[] = [];
  for (const piece of pieces) {
    if (!items.at(-1)?.takes(piece)) {
      items.push(createItem(piece, { response, index: items.length, isVllm }));
    }
    items.at(-1)!.delta(piece);
  }
  return items.map((item) => item.whole());
}

/** The response object, as vLLM forms it. */
export function responseObject(
  { id, created, model }: Head,
  body: Body,
  { maxTokens, status, output = [], usage = null }: {
    maxTokens: number;
    status: "in_progress" | "completed" | "incomplete";
    output?: readonly object[];
    usage?: object | null;
  },
): Fields {
  const hasTools = Array.isArray(body.tools) && body.tools.length > 0;
  return {
    id,
    created_at: created,
    incomplete_details: status === "incomplete"
      ? { reason: "max_output_tokens" }
      : null,
    instructions: body.instructions ?? null,
    metadata: body.metadata ?? null,
    model,
    object: "response",
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    temperature: body.temperature ?? 1.0,
    tool_choice: body.tool_choice ?? (hasTools ? "auto" : "none"),
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1.0,
    background: false,
    max_output_tokens: maxTokens,
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
    ...nulls("kv_transfer_params", "ec_transfer_params"),
    ...nulls("input_messages", "output_messages"),
  };
}

/** The usage of a response. */
export function responseUsage(
  { promptTokens, completionTokens, reasoningTokens }: Counts,
  { cachedTokens, dialect }: Options,
): object {
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
