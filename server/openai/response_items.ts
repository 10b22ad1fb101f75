import type { Piece } from "./answer.ts";
import { innerId } from "./ids.ts";
import type { Dialect } from "./options.ts";

/** An event of a streamed response, before it is numbered. */
export type ResponseEvent =
  & { readonly type: string }
  & Readonly<
    Record<string, unknown>
  >;

/** One item of a response's output, as it grows. */
export interface OutputItem {
  readonly kind: Piece["kind"];
  readonly call: number | undefined;
  /** What tells that it begins. */
  opening(): ResponseEvent[];
  /** What tells of a piece. */
  delta(piece: Piece): ResponseEvent | undefined;
  /** What tells that it is whole. */
  closing(): ResponseEvent[];
  /** The item as it stands in the response. */
  whole(): unknown;
}

/** What an item is made of. */
interface ItemParts {
  /** The response's id. */
  readonly response: string;
  /** Its index in the output. */
  readonly index: number;
  readonly dialect: Dialect;
}

/** The item that a piece begins. */
export function itemOf(piece: Piece, parts: ItemParts): OutputItem {
  return piece.kind === "tool"
    ? functionCall(piece, parts)
    : piece.kind === "reasoning"
    ? textItem(piece, parts, reasoningForm(parts))
    : textItem(piece, parts, messageForm(piece.kind, parts));
}

/** What differs between the items that hold text. */
interface TextForm {
  readonly id: string;
  /** The events of its text: `response.output_text`. */
  readonly event: string;
  /** The field of that text in its `.done` event. */
  readonly field: string;
  /** Fields that its delta and done events have beside. */
  readonly extra: Readonly<Record<string, unknown>>;
  part(text: string, isWhole: boolean): unknown;
  item(content: readonly unknown[], status: string): unknown;
}

function messageForm(
  kind: Piece["kind"],
  { response, index, dialect }: ItemParts,
): TextForm {
  const id = innerId("msg_", response, index);
  const isVllm = dialect === "vllm";
  const phase = isVllm ? { phase: null } : {};
  const item = (content: readonly unknown[], status: string) => ({
    id,
    content,
    role: "assistant",
    status,
    type: "message",
    ...phase,
  });
  if (kind === "refusal") {
    const part = (refusal: string) => ({ refusal, type: "refusal" });
    const event = "response.refusal";
    return { id, event, field: "refusal", extra: {}, part, item };
  }
  return {
    id,
    event: "response.output_text",
    field: "text",
    extra: { logprobs: [] },
    part: (text, isWhole) => ({
      annotations: [],
      text,
      type: "output_text",
      logprobs: isVllm && isWhole ? null : [],
    }),
    item,
  };
}

function reasoningForm({ response, index }: ItemParts): TextForm {
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

function textItem(
  { kind, call }: Piece,
  { index }: ItemParts,
  form: TextForm,
): OutputItem {
  const at = { content_index: 0, item_id: form.id, output_index: index };
  let text = "";
  const whole = () => form.item([form.part(text, true)], "completed");
  return {
    kind,
    call,
    opening: () => [
      {
        item: form.item([], "in_progress"),
        output_index: index,
        type: "response.output_item.added",
      },
      {
        ...at,
        part: form.part("", false),
        type: "response.content_part.added",
      },
    ],
    delta(piece) {
      text += piece.text;
      return {
        ...at,
        delta: piece.text,
        ...form.extra,
        type: `${form.event}.delta`,
      };
    },
    closing: () => [
      {
        ...at,
        ...form.extra,
        [form.field]: text,
        type: `${form.event}.done`,
      },
      {
        ...at,
        part: form.part(text, true),
        type: "response.content_part.done",
      },
      {
        item: whole(),
        output_index: index,
        type: "response.output_item.done",
      },
    ],
    whole,
  };
}

function functionCall(
  { kind, call, name }: Piece,
  { response, index, dialect }: ItemParts,
): OutputItem {
  const id = innerId("fc_", response, index);
  const callPrefix = dialect === "vllm" ? "chatcmpl-tool-" : "call_";
  let written = "";
  const item = (status: string) => ({
    arguments: written,
    call_id: innerId(callPrefix, response, index),
    name,
    type: "function_call",
    id,
    status,
  });
  const at = { item_id: id, output_index: index };
  return {
    kind,
    call,
    opening: () => [{
      item: item("in_progress"),
      output_index: index,
      type: "response.output_item.added",
    }],
    delta(piece) {
      if (piece.text === "") return undefined;
      written += piece.text;
      return {
        delta: piece.text,
        ...at,
        type: "response.function_call_arguments.delta",
      };
    },
    closing: () => [
      {
        arguments: written,
        ...at,
        name,
        type: "response.function_call_arguments.done",
      },
      {
        item: item("completed"),
        output_index: index,
        type: "response.output_item.done",
      },
    ],
    whole: () => item("completed"),
  };
}
