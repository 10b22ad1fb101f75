import { makeAnswer } from "./answer.ts";
import { type Body, readBody, tokenLimit } from "./body.ts";
import { callsOf } from "./calls.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { headOf } from "./head.ts";
import {
  type ChatMessage,
  countChat,
  countMedia,
  lastUserText,
} from "./prompt.ts";
import { createResponseStore, inputMessages } from "./response_store.ts";
import { itemsOf, responseObject, responseUsage } from "./response_json.ts";
import { streamResponse } from "./response_stream.ts";
import { answerWhole, countsOf } from "./stream.ts";

/** `/v1/responses`, which remembers what it answered. */
export function createResponses(): Endpoint {
  const store = createResponseStore();
  return {
    prefix: "resp_",
    async handle(incoming, exchange, { models, seats }) {
      const { options, id } = exchange;
      const body = readBody(incoming, {
        required: ["input"],
        models,
        given: 1,
      });
      const messages = [
        ...store.messagesBefore(body.previous_response_id, options.dialect),
        ...inputMessages(body),
      ];
      const tools = Array.isArray(body.tools) ? body.tools : [];
      const promptTokens = countChat(told(body, messages), tools) +
        await countMedia(messages, options);
      const limit = tokenLimit(body, {
        fields: ["max_output_tokens"],
        promptTokens,
        maxModelLen: options.maxModelLen,
      });
      const answer = makeAnswer({
        options,
        random: exchange.random("answer 0"),
        limit,
        said: lastUserText(messages),
        calls: callsOf(body, { messages, count: options.toolCalls }),
      });
      const job = { answers: [answer], promptTokens, seats };
      const head = headOf(id, body.model ?? models[0], exchange.clock);
      const facts = { head, body, most: limit.most };
      const output = itemsOf(answer, { id, options })
        .map((item) => item.whole());
      const whole = responseObject(facts, {
        status: answer.finishReason === "length" ? "incomplete" : "completed",
        output,
        usage: responseUsage(countsOf(job), options),
      });
      const keep = () => {
        if (body.store !== false) store.add(id, { messages, answer });
      };
      if (body.stream === true && !exchange.refusesStreams) {
        return streamResponse(exchange, job, { facts, whole, keep });
      }
      answerWhole(exchange, job, {
        type: "response",
        json() {
          keep();
          return JSON.stringify(whole);
        },
      });
    },
  };
}

/** The messages with the instructions ahead. */
function told(
  { instructions }: Body,
  messages: readonly ChatMessage[],
): readonly ChatMessage[] {
  return typeof instructions === "string"
    ? [{ role: "system", content: instructions }, ...messages]
    : messages;
}
