import type { Endpoint } from "../http/endpoints.ts";
import { Refusal } from "../http/refusal.ts";
import { innerId } from "../context.ts";
import type { Options } from "../settings.ts";
import {
  type Answer,
  callsOf,
  makeAnswers,
  type Piece,
  textOf,
  tokensIn,
} from "./answer.ts";
import {
  type Body,
  choicesOf,
  invalid,
  isStreamed,
  readBody,
  tokenLimit,
} from "./body.ts";
import {
  type ChunkForm,
  countsOf,
  generate,
  streamAnswers,
} from "./generation.ts";
import {
  type ChatMessage,
  countPrompt,
  lastUserText,
  listOf,
} from "./tokens.ts";
import {
  type Counts,
  type Head,
  headOf,
  nulls,
  OPENAI_PRINT,
  runningUsage,
  type StreamUsage,
  streamUsage,
  wholeAnswer,
} from "./usage.ts";

/** `/v1/chat/completions`. */
export const chat: Endpoint = {
  prefix: "chatcmpl-",
  async handle(incoming, exchange) {
    const { options, host } = exchange;
    const body = readBody(incoming, host, { required: ["messages"] });
    const streamed = isStreamed(body, exchange);
    const messages = messagesOf(body);
    const tools = listOf(body.tools);
    const promptTokens = await countPrompt(messages, tools, options);
    const limit = tokenLimit(body, TOKEN_FIELDS, promptTokens, options);
    const isSpoken = listOf(body.modalities).includes("audio");
    const plan = {
      options,
      limit,
      textKind: isSpoken ? "audio" as const : "text" as const,
      said: lastUserText(messages),
      calls: callsOf(body, messages, options.toolCalls),
    };
    const answers = makeAnswers(exchange, [plan], choicesOf(body));
    const job = { answers, promptTokens };
    const head = headOf(exchange, body.model);
    if (streamed) {
      const usage = streamUsage(body.stream_options, options, runningUsage);
      return streamAnswers(exchange, job, chatChunks(head, usage, options));
    }
    generate(exchange, job, {
      done() {
        const json = chatCompletion(head, answers, countsOf(job), options);
        exchange.answer(json, { type: "chat.completion" });
      },
    });
  },
};

const TOKEN_FIELDS = ["max_completion_tokens", "max_tokens"];

function messagesOf({ messages }: Body): readonly ChatMessage[] {
  if (!Array.isArray(messages)) {
    const problem = "Input should be a valid list";
    throw invalid(["list_type", "body.messages", problem, String(messages)]);
  }
  if (messages.length > 0) return messages;
  throw new Refusal(
    "Cannot apply chat template to an empty conversation. Provide at least one message.",
  );
}

/** The id of a tool call, made from the answer's id and the call's index. */
function callId(id: string, call: number, { dialect }: Options): string {
  return innerId(dialect === "vllm" ? "chatcmpl-tool-" : "call_", id, call);
}

/** The id of the speech in an answer. */
const audioId = (id: string) => innerId("audio_", id, 0);

/** Silence of some tokens in base64: PCM16 at 24 kHz, 80 ms a token. */
const soundOf = (tokens: number) => "AAAA".repeat(tokens * SOUND_BYTES / 3);

const SOUND_BYTES = 24_000 * 2 * 0.08;

/** The JSON of an answer in one piece. */
function chatCompletion(
  head: Head,
  answers: readonly Answer[],
  counts: Counts,
  options: Options,
): string {
  const isVllm = options.dialect === "vllm";
  const choices = answers.map((answer, index) => ({
    index,
    message: messageOf(answer, head.id, options),
    logprobs: null,
    finish_reason: answer.finishReason,
    ...(isVllm && nulls("stop_reason", "token_ids", "routed_experts")),
  }));
  const object = "chat.completion";
  const prompt = nulls("prompt_logprobs", "prompt_token_ids", "prompt_text");
  return JSON.stringify({
    ...wholeAnswer(head, object, choices, counts, options, prompt),
    ...(!isVllm && OPENAI_PRINT),
  });
}

function messageOf(
  { pieces }: Answer,
  id: string,
  options: Options,
): object {
  const isVllm = options.dialect === "vllm";
  const reasoning = textOf(pieces, "reasoning");
  const transcript = textOf(pieces, "audio");
  const calls = toolCallsOf(pieces, id, options);
  const audio = {
    id: audioId(id),
    data: soundOf(tokensIn(pieces)),
    expires_at: 0,
    transcript,
  };
  return {
    role: "assistant",
    content: textOf(pieces, "text"),
    refusal: textOf(pieces, "refusal"),
    annotations: isVllm ? null : [],
    ...(isVllm && { audio: null, function_call: null }),
    ...(transcript !== null && { audio }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...((isVllm || reasoning !== null) &&
      { [options.reasoningField]: reasoning }),
  };
}

function toolCallsOf(
  pieces: readonly Piece[],
  id: string,
  options: Options,
): object[] {
  const tools = pieces.filter(({ kind }) => kind === "tool");
  return [...Map.groupBy(tools, ({ call }) => call!)].map(([call, parts]) => ({
    id: callId(id, call, options),
    type: "function",
    function: { name: parts[0]!.name, arguments: textOf(parts, "tool") },
  }));
}

/** Forms the chunks of a streamed chat. */
function chatChunks(
  { id, created, model }: Head,
  usage: StreamUsage,
  options: Options,
): ChunkForm {
  const isVllm = options.dialect === "vllm";
  const object = "chat.completion.chunk";
  const print = isVllm ? {} : OPENAI_PRINT;
  const role = { role: "assistant", content: "" };
  return {
    head: { id, object, created, model, ...print },
    usage,
    opening(index, used) {
      const delta = isVllm ? role : { ...role, refusal: null };
      const choice = { index, delta, logprobs: null, finish_reason: null };
      const prompt = isVllm ? nulls("prompt_token_ids", "prompt_text") : {};
      return { choices: [choice], ...used, ...prompt };
    },
    choices(piece, index, reason) {
      const deltas = deltasOf(piece, id, options);
      if (reason !== undefined && !isVllm) deltas.push({});
      return deltas.map((delta, i) => {
        const isLast = reason !== undefined && i === deltas.length - 1;
        return {
          index,
          delta,
          logprobs: null,
          finish_reason: isLast ? reason : null,
          ...(isVllm && isLast && { stop_reason: null }),
          ...(isVllm && { token_ids: null }),
        };
      });
    },
  };
}

/** The deltas of a piece: one, or two for speech, whose transcript and sound come apart. */
function deltasOf(
  { kind, text, tokens, call, name }: Piece,
  id: string,
  options: Options,
): object[] {
  switch (kind) {
    case "text":
      return [{ content: text }];
    case "reasoning":
      return [{ [options.reasoningField]: text }];
    case "refusal":
      return [{ refusal: text }];
    case "audio":
      return [{ transcript: text }, { data: soundOf(tokens) }]
        .map((audio) => ({ audio: { id: audioId(id), ...audio } }));
    case "tool": {
      const noArguments = options.dialect === "vllm" ? {} : { arguments: "" };
      const start = {
        id: callId(id, call!, options),
        type: "function",
        index: call,
        function: { name, ...noArguments },
      };
      const more = { index: call, function: { arguments: text } };
      return [{ tool_calls: [name === undefined ? more : start] }];
    }
  }
}
