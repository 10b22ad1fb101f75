import { type Answer, makeAnswer } from "./answer.ts";
import { type Body, isStreamed, readBody, tokenLimit } from "./body.ts";
import { chatChunks, chatCompletion, type ChatHead } from "./chat_json.ts";
import type { Endpoint, EndpointHost } from "./endpoints.ts";
import type { Exchange } from "./exchange.ts";
import { generate } from "./generation.ts";
import {
  type ChatMessage,
  checkLength,
  countChat,
  lastUserText,
} from "./prompt.ts";
import { type Counts, usagePlaces } from "./usage.ts";

/** `/v1/chat/completions`. */
export const chat: Endpoint = {
  id: (digits) => `chatcmpl-${digits}`,
  handle({ body: bytes }, exchange, host) {
    const { options } = exchange;
    const body = readBody(bytes, {
      required: ["messages"],
      models: host.models,
    });
    const streamed = isStreamed(body, options);
    const promptTokens = countChat(messagesOf(body), toolsOf(body), options);
    const answers = answersOf(body, promptTokens, exchange);
    const job: Job = {
      answers,
      promptTokens,
      head: {
        id: exchange.id,
        created: Math.floor(exchange.clock.now() / 1000),
        model: String(body.model ?? host.models[0]),
      },
    };
    if (streamed) stream(job, body, exchange, host);
    else whole(job, exchange, host);
  },
};

interface Job {
  readonly answers: readonly Answer[];
  readonly promptTokens: number;
  readonly head: ChatHead;
}

function stream(
  { answers, promptTokens, head }: Job,
  body: Body,
  exchange: Exchange,
  { seats }: EndpointHost,
): void {
  const { options } = exchange;
  const places = usagePlaces(body.stream_options, options);
  const chunks = chatChunks(head, places, options);
  const sent = answers.map(() => ({ completionTokens: 0, reasoningTokens: 0 }));
  const send = (json: string, chars: number) =>
    exchange.send("chat.completion.chunk", `data: ${json}\n\n`, chars);
  const roles = () => {
    for (const choice of answers.keys()) {
      send(chunks.role(choice, { promptTokens, ...NOTHING }), 0);
    }
  };
  exchange.open();
  if (options.roleChunk === "accept") roles();
  generate(exchange, { answers, promptTokens, seats }, {
    started() {
      if (options.roleChunk === "token") roles();
    },
    piece(piece, { choice, isLast }) {
      const count = sent[choice]!;
      count.completionTokens += piece.tokens;
      if (piece.kind === "reasoning") count.reasoningTokens += piece.tokens;
      const counts = { promptTokens, ...count };
      const reason = isLast ? answers[choice]!.finishReason : undefined;
      for (const json of chunks.piece(piece, { choice, counts, reason })) {
        send(json, piece.text.length);
      }
    },
    done() {
      if (places.last) send(chunks.usage(countsOf(answers, promptTokens)), 0);
      if (options.done) exchange.send("[DONE]", "data: [DONE]\n\n");
      exchange.end();
    },
  });
}

function whole(
  { answers, promptTokens, head }: Job,
  exchange: Exchange,
  { seats }: EndpointHost,
): void {
  generate(exchange, { answers, promptTokens, seats }, {
    started() {},
    piece() {},
    done() {
      const counts = countsOf(answers, promptTokens);
      exchange.answer(
        chatCompletion(head, { answers, counts, options: exchange.options }),
        { type: "chat.completion" },
      );
    },
  });
}

const NOTHING = { completionTokens: 0, reasoningTokens: 0 };

/** The tokens of all answers. */
function countsOf(answers: readonly Answer[], promptTokens: number): Counts {
  return {
    promptTokens,
    completionTokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
    reasoningTokens: answers.reduce(
      (sum, { reasoningTokens }) => sum + reasoningTokens,
      0,
    ),
  };
}

function answersOf(
  body: Body,
  promptTokens: number,
  exchange: Exchange,
): Answer[] {
  const { options } = exchange;
  const { limit, asked } = tokenLimit(
    body,
    ["max_completion_tokens", "max_tokens"],
    { promptTokens, maxModelLen: options.maxModelLen },
  );
  checkLength(promptTokens, options.maxModelLen);
  const messages = messagesOf(body);
  const count = typeof body.n === "number" ? Math.max(1, body.n) : 1;
  return Array.from({ length: count }, (_, choice) =>
    makeAnswer({
      options,
      random: exchange.random(`answer ${choice}`),
      limit,
      exact: asked && body.ignore_eos === true,
      said: lastUserText(messages),
      calls: callsOf(body, options.toolCalls),
    }));
}

/** Names of the functions to call: none where calls were just answered. */
function callsOf(body: Body, count: number): string[] {
  const tools = toolsOf(body);
  const isAnswered = messagesOf(body).at(-1)?.role === "tool";
  if (tools.length === 0 || isAnswered || body.tool_choice === "none") {
    return [];
  }
  return Array.from({ length: count }, (_, i) => {
    const tool = tools[i % tools.length] as { function?: { name?: string } };
    return tool?.function?.name ?? "unknown";
  });
}

function messagesOf({ messages }: Body): readonly ChatMessage[] {
  return Array.isArray(messages) ? messages : [];
}

function toolsOf({ tools }: Body): readonly unknown[] {
  return Array.isArray(tools) ? tools : [];
}
