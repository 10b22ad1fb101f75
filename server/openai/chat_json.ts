import type { Answer, Piece } from "./answer.ts";
import type { RequestOptions } from "./options.ts";
import {
  type Counts,
  lastUsage,
  runningUsage,
  usageOf,
  type UsagePlaces,
} from "./usage.ts";

/** What stands in every chunk. */
export interface ChatHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** The chunks of a streamed chat, as JSON. */
export interface ChatChunks {
  /** The chunk that only names the role. */
  role(choice: number, counts: Counts): string;
  /** A piece; the last one of its choice has a reason. Some dialects put the reason in a chunk of its own. */
  piece(
    piece: Piece,
    at: { choice: number; counts: Counts; reason: string | undefined },
  ): string[];
  /** The chunk that only brings usage. */
  usage(counts: Counts): string;
}

/** How the dialect forms its chunks. */
export function chatChunks(
  head: ChatHead,
  places: UsagePlaces,
  options: RequestOptions,
): ChatChunks {
  const start = `{"id":${
    JSON.stringify(head.id)
  },"object":"chat.completion.chunk","created":${head.created},"model":${
    JSON.stringify(head.model)
  },"choices":[`;
  const usage = (counts: Counts) =>
    places.each
      ? `,"usage":${JSON.stringify(runningUsage(counts, options))}`
      : "";
  return {
    role: (choice, counts) =>
      `${start}{"index":${choice},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]${
        usage(counts)
      },"prompt_token_ids":null,"prompt_text":null}`,
    piece(piece, { choice, counts, reason }) {
      const delta = deltaJson(piece, head, options);
      const end = reason === undefined
        ? '"finish_reason":null'
        : `"finish_reason":"${reason}","stop_reason":null`;
      const used = reason !== undefined && places.finish
        ? `,"usage":${JSON.stringify(usageOf(counts, options))}`
        : usage(counts);
      const print = reason !== undefined && !places.last ? FINGERPRINT : "";
      return [
        `${start}{"index":${choice},"delta":${delta},"logprobs":null,${end},"token_ids":null}]${used}${print}}`,
      ];
    },
    usage: (counts) =>
      `${start}],"usage":${
        JSON.stringify(lastUsage(counts, options))
      }${FINGERPRINT}}`,
  };
}

const FINGERPRINT = ',"system_fingerprint":"vllm-0.32.0-d2b7fb31"';

function deltaJson(
  { kind, text, call, name }: Piece,
  { id }: ChatHead,
  options: RequestOptions,
): string {
  const json = JSON.stringify(text);
  switch (kind) {
    case "text":
      return `{"content":${json}}`;
    case "reasoning":
      return `{"${reasoningField(options)}":${json}}`;
    case "refusal":
      return `{"refusal":${json}}`;
    case "tool":
      return name === undefined
        ? `{"tool_calls":[{"index":${call},"function":{"arguments":${json}}}]}`
        : `{"tool_calls":[{"id":${
          JSON.stringify(callId(id, call!))
        },"type":"function","index":${call},"function":{"name":${
          JSON.stringify(name)
        }}}]}`;
  }
}

/** The field that carries reasoning. */
export function reasoningField(
  { reasoningField, dialect }: RequestOptions,
): string {
  if (reasoningField) return reasoningField;
  return dialect === "sglang" || dialect === "deepseek"
    ? "reasoning_content"
    : "reasoning";
}

/** A call's own id: follows from the answer's. */
function callId(id: string, call: number): string {
  const digits = id.slice(id.indexOf("-") + 1);
  return `chatcmpl-tool-${digits.slice(0, 14)}${
    call.toString(16).padStart(2, "0")
  }`;
}

/** A whole answer. */
export function chatCompletion(
  { id, created, model }: ChatHead,
  { answers, counts, options }: {
    answers: readonly Answer[];
    counts: Counts;
    options: RequestOptions;
  },
): string {
  return JSON.stringify({
    id,
    object: "chat.completion",
    created,
    model,
    choices: answers.map((answer, index) => ({
      index,
      message: messageOf(answer, id, options),
      logprobs: null,
      finish_reason: answer.finishReason,
      stop_reason: null,
      token_ids: null,
      routed_experts: null,
    })),
    service_tier: null,
    system_fingerprint: "vllm-0.32.0-d2b7fb31",
    usage: usageOf(counts, options),
    prompt_logprobs: null,
    prompt_token_ids: null,
    prompt_text: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
  });
}

function messageOf({ pieces }: Answer, id: string, options: RequestOptions) {
  const text = (kind: Piece["kind"]) => {
    const found = pieces.filter((piece) => piece.kind === kind);
    return found.length > 0 ? found.map(({ text }) => text).join("") : null;
  };
  const calls = toolCallsOf(pieces, id);
  return {
    role: "assistant",
    content: text("text"),
    refusal: text("refusal"),
    annotations: null,
    audio: null,
    function_call: null,
    ...(calls.length > 0 && { tool_calls: calls }),
    [reasoningField(options)]: text("reasoning"),
  };
}

function toolCallsOf(pieces: readonly Piece[], id: string) {
  const tools = pieces.filter(({ kind }) => kind === "tool");
  return [...Map.groupBy(tools, ({ call }) => call!)].map(([call, parts]) => ({
    id: callId(id, call),
    type: "function",
    function: {
      name: parts[0]!.name,
      arguments: parts.map(({ text }) => text).join(""),
    },
  }));
}
