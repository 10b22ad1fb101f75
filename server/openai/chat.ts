import { type Answer, makeAnswer } from "./answer.ts";
import {
  type Body,
  choicesOf,
  isStreamed,
  readBody,
  tokenLimit,
} from "./body.ts";
import { tokenBudget } from "./bounds.ts";
import { callsOf } from "./calls.ts";
import { chatCompletion } from "./chat_json.ts";
import { headOf } from "./head.ts";
import { chatChunks } from "./chat_chunks.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { invalid, Refusal } from "../http/refusal.ts";
import type { Exchange } from "../http/exchange.ts";
import {
  type ChatMessage,
  countChat,
  countMedia,
  lastUserText,
} from "./prompt.ts";
import { answerWhole, countsOf, streamAnswers } from "./stream.ts";
import { usagePlaces } from "./usage.ts";

/** `/v1/chat/completions`. */
export const chat: Endpoint = {
  prefix: "chatcmpl-",
  async handle(incoming, exchange, { models, seats }) {
    const { options, id } = exchange;
    const body = readBody(incoming, { required: ["messages"], models });
    const streamed = isStreamed(body, exchange);
    const messages = messagesOf(body);
    const promptTokens = countChat(messages, toolsOf(body)) +
      await countMedia(messages, options);
    const answers = answersOf(body, promptTokens, exchange);
    const job = { answers, promptTokens, seats };
    const head = headOf(id, body.model ?? models[0], exchange.clock);
    if (streamed) {
      const places = usagePlaces(body.stream_options, options);
      const chunks = chatChunks(head, places, options);
      return streamAnswers(exchange, job, { chunks, places });
    }
    const counts = countsOf(job);
    answerWhole(exchange, job, {
      type: "chat.completion",
      json: () => chatCompletion(head, { answers, counts, options }),
    });
  },
};

function answersOf(
  body: Body,
  promptTokens: number,
  exchange: Exchange,
): Answer[] {
  const { options } = exchange;
  const limit = tokenLimit(body, {
    fields: ["max_completion_tokens", "max_tokens"],
    promptTokens,
    maxModelLen: options.maxModelLen,
  });
  const messages = messagesOf(body);
  const plan = {
    options,
    limit,
    isSpoken: Array.isArray(body.modalities) &&
      body.modalities.includes("audio"),
    said: lastUserText(messages),
    calls: callsOf(body, { messages, count: options.toolCalls }),
  };
  const within = tokenBudget(options);
  return Array.from({ length: choicesOf(body) }, (_, choice) => {
    const random = exchange.random(`answer ${choice}`);
    return within(makeAnswer({ ...plan, random }));
  });
}

function messagesOf({ messages }: Body): readonly ChatMessage[] {
  if (!Array.isArray(messages)) {
    throw invalid([{
      type: "list_type",
      loc: "body.messages",
      msg: "Input should be a valid list",
      input: String(messages),
    }]);
  }
  if (messages.length > 0) return messages;
  throw new Refusal(
    "Cannot apply chat template to an empty conversation. Provide at least one message.",
  );
}

function toolsOf({ tools }: Body): readonly unknown[] {
  return Array.isArray(tools) ? tools : [];
}
