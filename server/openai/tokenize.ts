import { type Body, missingFields, readBody } from "./body.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { type ChatMessage, chatTokenIds } from "./prompt.ts";
import { textOfIds, tokenId, tokensOf } from "./tokens.ts";

/** `/tokenize`: a prompt's tokens, or a chat's. */
export const tokenize: Endpoint = {
  prefix: "tokenize-",
  handle(incoming, exchange, { models }) {
    const body = readBody(incoming, { required: [], models });
    if (body.prompt === undefined && body.messages === undefined) {
      throw missingFields(["prompt", "messages"], body);
    }
    const tokens = idsOf(body);
    const answer = {
      count: tokens.length,
      max_model_len: exchange.options.maxModelLen,
      tokens,
      token_strs: body.return_token_strs === true
        ? tokens.map((id) => textOfIds([id]))
        : null,
    };
    exchange.answer(JSON.stringify(answer), { type: "tokens" });
  },
};

/** `/detokenize`: the text of tokens. */
export const detokenize: Endpoint = {
  prefix: "detokenize-",
  handle(incoming, exchange, { models }) {
    const body = readBody(incoming, { required: ["tokens"], models });
    const ids = Array.isArray(body.tokens) ? body.tokens.map(Number) : [];
    const answer = { prompt: textOfIds(ids) };
    exchange.answer(JSON.stringify(answer), { type: "prompt" });
  },
};

function idsOf({ prompt, messages, tools, ...body }: Body): number[] {
  if (typeof prompt === "string") return tokensOf(prompt).map(tokenId);
  return chatTokenIds(
    Array.isArray(messages) ? messages as ChatMessage[] : [],
    Array.isArray(tools) ? tools : [],
    body.add_generation_prompt !== false,
  );
}
