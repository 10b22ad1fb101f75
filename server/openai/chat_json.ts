import type { Answer, Piece } from "./answer.ts";
import { FINGERPRINTS, type Head } from "./head.ts";
import { innerId } from "./ids.ts";
import type { Dialect, RequestOptions } from "./options.ts";
import { type Counts, usageOf } from "./usage.ts";

/** The field that carries reasoning. */
export function reasoningField(
  { reasoningField, dialect }: RequestOptions,
): string {
  if (reasoningField) return reasoningField;
  return dialect === "sglang" || dialect === "deepseek"
    ? "reasoning_content"
    : "reasoning";
}

/** Whether reasoning is a part of the content. */
export function thinksInParts(
  { reasoningField, dialect }: RequestOptions,
): boolean {
  return reasoningField === "" && dialect === "mistral";
}

/** A call's own id: follows from the answer's. */
export function callId(id: string, call: number, dialect: Dialect): string {
  return innerId(dialect === "vllm" ? "chatcmpl-tool-" : "call_", id, call);
}

/** The id of the speech in an answer. */
export function audioId(id: string): string {
  return innerId("audio_", id, 0);
}

/** Sound of so many tokens in base64: PCM16 at 24 kHz, 80 ms a token, silent. */
export function soundOf(tokens: number): string {
  return "AAAA".repeat(tokens * SOUND_BYTES / 3);
}

/** Of a token: 80 ms at 24 kHz, two bytes a sample. */
const SOUND_BYTES = 3840;

/** A whole answer, in the dialect's form. */
export function chatCompletion(
  { id, created, model }: Head,
  { answers, counts, options }: {
    answers: readonly Answer[];
    counts: Counts;
    options: RequestOptions;
  },
): string {
  const { dialect } = options;
  const isVllm = dialect === "vllm";
  return JSON.stringify({
    id,
    object: "chat.completion",
    created,
    model,
    choices: answers.map((answer, index) => ({
      index,
      message: messageOf(answer, id, options),
      ...(dialect !== "mistral" && { logprobs: null }),
      finish_reason: answer.finishReason,
      ...(isVllm &&
        { stop_reason: null, token_ids: null, routed_experts: null }),
      ...(dialect === "sglang" &&
        { matched_stop: answer.finishReason === "stop" ? 2 : null }),
    })),
    ...(isVllm && {
      service_tier: null,
      system_fingerprint: FINGERPRINTS.vllm,
    }),
    usage: usageOf(counts, options),
    ...(isVllm && {
      prompt_logprobs: null,
      prompt_token_ids: null,
      prompt_text: null,
      kv_transfer_params: null,
      ec_transfer_params: null,
      metrics: null,
    }),
    ...(dialect === "openai" && {
      service_tier: "default",
      system_fingerprint: FINGERPRINTS.openai,
    }),
    ...(dialect === "deepseek" &&
      { system_fingerprint: FINGERPRINTS.deepseek }),
    ...(dialect === "sglang" && { metadata: { weight_version: "default" } }),
  });
}

function messageOf(
  { pieces, tokens }: Answer,
  id: string,
  options: RequestOptions,
) {
  const { dialect } = options;
  const reasoning = textOf(pieces, "reasoning");
  const spoken = textOf(pieces, "audio");
  const calls = toolCallsOf(pieces, id, dialect);
  const field = reasoningField(options);
  const showsReasoning = !thinksInParts(options) &&
    (reasoning !== null || dialect === "vllm" || dialect === "sglang");
  return {
    role: "assistant",
    content: contentOf(pieces, options),
    ...((dialect === "vllm" || dialect === "openai") && {
      refusal: textOf(pieces, "refusal"),
      annotations: dialect === "vllm" ? null : [],
    }),
    ...(dialect === "vllm" && { audio: null, function_call: null }),
    ...(spoken !== null && {
      audio: {
        id: audioId(id),
        data: soundOf(tokens),
        expires_at: 0,
        transcript: spoken,
      },
    }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(showsReasoning && { [field]: reasoning }),
  };
}

/** What is said; with the reasoning before it, as parts, where that is a part of it. */
function contentOf(pieces: readonly Piece[], options: RequestOptions): unknown {
  const text = textOf(pieces, "text");
  const reasoning = textOf(pieces, "reasoning");
  if (reasoning === null || !thinksInParts(options)) return text;
  const thinking = [{ type: "text", text: reasoning }];
  return [{ type: "thinking", thinking }, { type: "text", text: text ?? "" }];
}

/** All text of a kind; null where there is no piece of it. */
export function textOf(
  pieces: readonly Piece[],
  kind: Piece["kind"],
): string | null {
  const found = pieces.filter((piece) => piece.kind === kind);
  return found.length > 0 ? found.map(({ text }) => text).join("") : null;
}

function toolCallsOf(
  pieces: readonly Piece[],
  id: string,
  dialect: Dialect,
) {
  const tools = pieces.filter(({ kind }) => kind === "tool");
  return [...Map.groupBy(tools, ({ call }) => call!)].map(([call, parts]) => ({
    id: callId(id, call, dialect),
    type: "function",
    function: {
      name: parts[0]!.name,
      arguments: parts.map(({ text }) => text).join(""),
    },
  }));
}
