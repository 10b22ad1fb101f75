import { random } from "../random.ts";
import { checkNumbers } from "./bounds.ts";
import { type Body, missingFields, readBody } from "./body.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { Refusal } from "../http/refusal.ts";
import type { Exchange } from "../http/exchange.ts";
import { generateOnce } from "./generation.ts";
import { type ChatMessage, countChat } from "./prompt.ts";
import { countTokens, textOfIds } from "./tokens.ts";

/** `/v1/embeddings`: the same unit vector for the same text. */
export const embeddings: Endpoint = {
  prefix: "embd-",
  handle(incoming, exchange, { models, seats, seed }) {
    const { options, clock, id } = exchange;
    const body = readBody(incoming, { required: [], models });
    const inputs = inputsOf(body, exchange);
    const dimensions = dimensionsOf(body, options.dimensions);
    checkNumbers(inputs.length, dimensions);
    const isBase64 = body.encoding_format === "base64";
    let tokens = 0;
    for (const input of inputs) tokens += input.tokens;
    generateOnce(exchange, { promptTokens: tokens, seats }, () => {
      const data = inputs.map(({ text }, index) => {
        const vector = unitVector(text, { dimensions, seed });
        const embedding = isBase64
          ? new Uint8Array(vector.buffer).toBase64()
          : [...vector];
        return options.dialect === "vllm"
          ? { index, object: "embedding", embedding }
          : { object: "embedding", index, embedding };
      });
      const created = Math.floor(clock.now() / 1000);
      const model = String(body.model ?? models[0]);
      exchange.answer(
        JSON.stringify(
          options.dialect === "vllm"
            ? {
              id,
              object: "list",
              created,
              model,
              data,
              usage: {
                prompt_tokens: tokens,
                total_tokens: tokens,
                completion_tokens: 0,
                prompt_tokens_details: null,
                completion_tokens_details: null,
              },
            }
            : {
              object: "list",
              data,
              model,
              usage: { prompt_tokens: tokens, total_tokens: tokens },
            },
        ),
        { type: "embeddings" },
      );
    });
  },
};

interface Input {
  readonly text: string;
  readonly tokens: number;
}

/** What is to be embedded: a text or its tokens, several of either, or a chat. */
function inputsOf(body: Body, { options }: Exchange): Input[] {
  const { input, messages } = body;
  if (input === undefined && Array.isArray(messages)) {
    const tokens = countChat(messages as ChatMessage[], []);
    return [checked({ text: JSON.stringify(messages), tokens }, options)];
  }
  if (input === undefined) throw missingFields(["input"], body);
  const items = Array.isArray(input) && typeof input[0] !== "number"
    ? input
    : [input];
  return items.map((item) => {
    const text = Array.isArray(item) ? textOfIds(item) : String(item);
    const tokens = Array.isArray(item) ? item.length : countTokens(text);
    return checked({ text, tokens }, options);
  });
}

function checked(
  input: Input,
  { maxModelLen }: { maxModelLen: number },
): Input {
  if (input.tokens <= maxModelLen) return input;
  throw new Refusal(
    `This model's maximum context length is ${maxModelLen} tokens. However, your request has ${input.tokens} input tokens. Please reduce the length of the input messages. (parameter=input_tokens, value=${input.tokens})`,
    { param: "input_tokens", code: "context_length_exceeded" },
  );
}

function dimensionsOf({ dimensions }: Body, usual: number): number {
  if (dimensions === undefined || dimensions === null) return usual;
  if (Number.isInteger(dimensions) && (dimensions as number) >= 1) {
    return dimensions as number;
  }
  throw new Refusal("Dimensions must be greater than 0", {
    param: "dimensions",
  });
}

/** A vector of length 1 that follows from the text and the seed. */
export function unitVector(
  text: string,
  { dimensions, seed }: { dimensions: number; seed: number },
): Float32Array<ArrayBuffer> {
  const next = random(seed, `embedding ${text}`);
  const vector = Float32Array.from({ length: dimensions }, () => next() - 0.5);
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value ** 2, 0));
  return vector.map((value) => value / length);
}
