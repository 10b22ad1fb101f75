import { innerId } from "../context.ts";
import type { RequestOptions } from "../settings.ts";
import type { Answer, Piece } from "./answer.ts";
import type { Body } from "./body.ts";
import { type Counts, type Head, nulls } from "./usage.ts";

/** An event of a streamed response, before it is numbered. */
export type ResponseEvent = { readonly type: string } & Fields;

type Fields = Readonly<Record<string, unknown>>;

/** An item of a response's output, while it grows. */
export interface OutputItem {
  readonly kind: Piece["kind"];
  readonly call: number | undefined;
  /** The events at its start. */
  opening(): ResponseEvent[];
  /** Adds a piece; returns its event. */
  delta(piece: Piece): ResponseEvent | undefined;
  /** The events at its end. */
  closing(): ResponseEvent[];
  /** The complete item. */
  whole(): object;
}

/** The place of an item. */
interface ItemPlace {
  /** The response's id. */
  readonly response: string;
  /** Index in the output. */
  readonly index: number;
  readonly isVllm: boolean;
}

/** The item that a piece belongs to: the current item, or a new one. */
export function itemFor(
  piece: Piece,
  current: OutputItem | undefined,
  place: ItemPlace,
): OutputItem {
  const { kind, call } = piece;
  if (current?.kind === kind && current.call === call) return current;
  const { event, field, at, extra = {}, part, item } = formOf(piece, place);
  const output_index = place.index;
  let text = "";
  const itemEvent = (what: "added" | "done", item: object) => ({
    item,
    output_index,
    type: `response.output_item.${what}`,
  });
  const partEvent = (what: "added" | "done") =>
    part
      ? [{
        ...at,
        part: part(text, what === "done"),
        type: `response.content_part.${what}`,
      }]
      : [];
  return {
    kind,
    call,
    whole: () => item("completed", text),
    opening: () => [
      itemEvent("added", item("in_progress")),
      ...partEvent("added"),
    ],
    delta(piece) {
      if (kind === "tool" && piece.text === "") return undefined;
      text += piece.text;
      const { name: _, ...fields } = { ...at, ...extra };
      return { ...fields, delta: piece.text, type: `${event}.delta` };
    },
    closing: () => [
      { ...at, ...extra, [field]: text, type: `${event}.done` },
      ...partEvent("done"),
      itemEvent("done", item("completed", text)),
    ],
  };
}

/** The complete items of an answer. */
export function outputOf(
  { pieces }: Answer,
  response: string,
  { dialect }: RequestOptions,
): object[] {
  const items: OutputItem[] = [];
  for (const piece of pieces) {
    const place = {
      response,
      index: items.length,
      isVllm: dialect === "vllm",
    };
    const item = itemFor(piece, items.at(-1), place);
    if (item !== items.at(-1)) items.push(item);
    item.delta(piece);
  }
  return items.map((item) => item.whole());
}

/** Differences between the kinds of items. */
interface ItemForm {
  /** Prefix of the types of its text's events: `response.output_text`. */
  readonly event: string;
  /** Field of the text in its `.done` event. */
  readonly field: string;
  /** Fields that place an event in the item. */
  readonly at: Fields;
  /** More fields of its `.done` event, and except for a name, of its deltas. */
  readonly extra?: Fields;
  /** Forms its content part, if it has one. */
  part?(text: string, isWhole: boolean): object;
  /** Forms the item; without a text at its start. */
  item(status: string, text?: string): object;
}

const ID_PREFIXES = {
  tool: "fc_",
  reasoning: "rs_",
  refusal: "msg_",
  text: "msg_",
  audio: "msg_",
};

function formOf(
  { kind, name }: Piece,
  { response, index, isVllm }: ItemPlace,
): ItemForm {
  const id = innerId(ID_PREFIXES[kind], response, index);
  const at = { item_id: id, output_index: index };
  if (kind === "tool") {
    const callPrefix = isVllm ? "chatcmpl-tool-" : "call_";
    const call_id = innerId(callPrefix, response, index);
    const type = "function_call";
    return {
      event: "response.function_call_arguments",
      field: "arguments",
      at,
      extra: { name },
      item: (status, text = "") => ({
        arguments: text,
        call_id,
        name,
        type,
        id,
        status,
      }),
    };
  }
  const inContent = { ...at, content_index: 0 };
  if (kind === "reasoning") {
    const part = (text: string) => ({ text, type: "reasoning_text" });
    return {
      event: "response.reasoning_text",
      field: "text",
      at: inContent,
      part,
      item: (status, text) => ({
        id,
        summary: [],
        type: "reasoning",
        content: text === undefined ? null : [part(text)],
        encrypted_content: null,
        status,
      }),
    };
  }
  const isRefusal = kind === "refusal";
  const part = (text: string, isWhole: boolean) =>
    isRefusal ? { refusal: text, type: "refusal" } : {
      annotations: [],
      text,
      type: "output_text",
      logprobs: isVllm && isWhole ? null : [],
    };
  return {
    event: isRefusal ? "response.refusal" : "response.output_text",
    field: isRefusal ? "refusal" : "text",
    at: inContent,
    extra: isRefusal ? {} : { logprobs: [] },
    part,
    item: (status, text) => ({
      id,
      content: text === undefined ? [] : [part(text, true)],
      role: "assistant",
      status,
      type: "message",
      ...(isVllm && { phase: null }),
    }),
  };
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
  { cachedTokens, dialect }: RequestOptions,
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
