import { innerId } from "../context.ts";
import type { RequestOptions } from "../settings.ts";
import type { Answer, Piece } from "./answer.ts";
import type { Body } from "./body.ts";
import type { Counts, Head } from "./usage.ts";

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

/** Starts the item that a piece belongs to, unless the current item is that. */
export function itemFor(
  piece: Piece,
  current: OutputItem | undefined,
  place: ItemPlace,
): OutputItem {
  const { kind, call } = piece;
  if (current?.kind === kind && current.call === call) return current;
  return kind === "tool"
    ? functionCall(piece, place)
    : textItem(piece, place, formOf(kind, place));
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

/** What differs between the items that hold text. */
interface TextForm {
  readonly id: string;
  /** Prefix of the types of its text's events: `response.output_text`. */
  readonly event: string;
  /** The field of the text in its `.done` event. */
  readonly field: string;
  /** More fields of its delta and done events. */
  readonly extra: Fields;
  part(text: string, isWhole: boolean): object;
  item(content: readonly object[], status: string): object;
}

function formOf(
  kind: Piece["kind"],
  { response, index, isVllm }: ItemPlace,
): TextForm {
  if (kind === "reasoning") {
    const id = innerId("rs_", response, index);
    return {
      id,
      event: "response.reasoning_text",
      field: "text",
      extra: {},
      part: (text) => ({ text, type: "reasoning_text" }),
      item: (content, status) => ({
        id,
        summary: [],
        type: "reasoning",
        content: content.length > 0 ? content : null,
        encrypted_content: null,
        status,
      }),
    };
  }
  const id = innerId("msg_", response, index);
  const message: Pick<TextForm, "id" | "item"> = {
    id,
    item: (content, status) => ({
      id,
      content,
      role: "assistant",
      status,
      type: "message",
      ...(isVllm && { phase: null }),
    }),
  };
  return kind === "refusal"
    ? {
      ...message,
      event: "response.refusal",
      field: "refusal",
      extra: {},
      part: (refusal) => ({ refusal, type: "refusal" }),
    }
    : {
      ...message,
      event: "response.output_text",
      field: "text",
      extra: { logprobs: [] },
      part: (text, isWhole) => ({
        annotations: [],
        text,
        type: "output_text",
        logprobs: isVllm && isWhole ? null : [],
      }),
    };
}

function textItem(
  { kind, call }: Piece,
  { index: output_index }: ItemPlace,
  { id, event, field, extra, part, item }: TextForm,
): OutputItem {
  const at = { content_index: 0, item_id: id, output_index };
  let text = "";
  const whole = () => item([part(text, true)], "completed");
  return {
    kind,
    call,
    whole,
    opening: () => [
      itemEvent("added", item([], "in_progress"), output_index),
      {
        ...at,
        part: part("", false),
        type: "response.content_part.added",
      },
    ],
    delta(piece) {
      text += piece.text;
      return { ...at, delta: piece.text, ...extra, type: `${event}.delta` };
    },
    closing: () => [
      { ...at, ...extra, [field]: text, type: `${event}.done` },
      { ...at, part: part(text, true), type: "response.content_part.done" },
      itemEvent("done", whole(), output_index),
    ],
  };
}

function functionCall(
  { kind, call, name }: Piece,
  { response, index, isVllm }: ItemPlace,
): OutputItem {
  const id = innerId("fc_", response, index);
  const callPrefix = isVllm ? "chatcmpl-tool-" : "call_";
  const at = { item_id: id, output_index: index };
  const type = "response.function_call_arguments";
  let written = "";
  const item = (status: string) => ({
    arguments: written,
    call_id: innerId(callPrefix, response, index),
    name,
    type: "function_call",
    id,
    status,
  });
  return {
    kind,
    call,
    whole: () => item("completed"),
    opening: () => [itemEvent("added", item("in_progress"), index)],
    delta({ text }) {
      if (text === "") return undefined;
      written += text;
      return { delta: text, ...at, type: `${type}.delta` };
    },
    closing: () => [
      { arguments: written, ...at, name, type: `${type}.done` },
      itemEvent("done", item("completed"), index),
    ],
  };
}

function itemEvent(
  what: "added" | "done",
  item: object,
  output_index: number,
): ResponseEvent {
  return { item, output_index, type: `response.output_item.${what}` };
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
