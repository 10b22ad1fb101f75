import { random } from "../../lib/random.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { Refusal, refusedParameter } from "../http/refusal.ts";
import { type Body, missingFields, readBody } from "./body.ts";
import { generate } from "./generation.ts";
import { chatTokenIds, countTokens, textOfIds } from "./tokens.ts";
import { headOf, nulls } from "./usage.ts";

/** The most numbers in the vectors of a request, as of 2,048 texts in 2,048 dimensions. */
const MAX_NUMBERS = 4_194_304;

/** `/v1/embeddings`: the same unit vector for the same text. */
export const embeddings: Endpoint = {
  prefix: "embd-",
  handle(incoming, exchange) {
    const { options, host } = exchange;
    const body = readBody(incoming, host);
    const inputs = inputsOf(body, options.maxModelLen);
    const dimensions = dimensionsOf(body, options.dimensions, inputs.length);
    const isBase64 = body.encoding_format === "base64";
    const tokens = inputs.reduce((sum, { tokens }) => sum + tokens, 0);

    function json(): string {
      const { id, created, model } = headOf(exchange, body.model);
      const object = "list";
      const data = inputs.map(({ text }, index) => {
        const vector = unitVector(text, dimensions, host.options.seed);
        const embedding = isBase64
          ? new Uint8Array(vector.buffer).toBase64()
          : [...vector];
        return { index, object: "embedding", embedding };
      });
      const usage = { prompt_tokens: tokens, total_tokens: tokens };
      if (options.dialect === "openai") {
        return JSON.stringify({ object, data, model, usage });
      }
      const all = { ...usage, completion_tokens: 0, ...NO_DETAILS };
      return JSON.stringify({ id, object, created, model, data, usage: all });
    }

    generate(exchange, { answers: [ANSWER], promptTokens: tokens }, {
      done: () => exchange.answer(json(), { type: "embeddings" }),
    });
  },
};

const NO_DETAILS = nulls("prompt_tokens_details", "completion_tokens_details");

/** An answer without tokens, for the time that a prompt takes. */
const ANSWER = { pieces: [], finishReason: "stop" } as const;

interface Input {
  readonly text: string;
  readonly tokens: number;
}

/** Reads the inputs: a text or its tokens, several of either, or a chat. */
function inputsOf(body: Body, maxModelLen: number): Input[] {
  const { input } = body;
  const items = Array.isArray(input) && typeof input[0] !== "number"
    ? input
    : [input];
  const inputs = input === undefined ? [chatInput(body)] : items.map(inputOf);
  for (const { tokens } of inputs) {
    if (tokens > maxModelLen) throw tooLong(tokens, maxModelLen);
  }
  return inputs;
}

function chatInput(body: Body): Input {
  const { messages } = body;
  if (!Array.isArray(messages)) throw missingFields(["input"], body);
  const text = JSON.stringify(messages);
  return { text, tokens: chatTokenIds(messages, []).length };
}

function inputOf(item: unknown): Input {
  if (Array.isArray(item)) {
    return { text: textOfIds(item), tokens: item.length };
  }
  const text = String(item);
  return { text, tokens: countTokens(text) };
}

function tooLong(tokens: number, maxModelLen: number): Refusal {
  return refusedParameter(
    `This model's maximum context length is ${maxModelLen} tokens. However, your request has ${tokens} input tokens. Please reduce the length of the input messages.`,
    "input_tokens",
    { value: tokens, code: "context_length_exceeded" },
  );
}

function dimensionsOf(
  body: Body,
  usual: number,
  inputs: number,
): number {
  const param = "dimensions";
  const dimensions = Number(body[param] ?? usual);
  if (!Number.isInteger(body[param] ?? usual) || dimensions < 1) {
    throw new Refusal("Dimensions must be greater than 0", { param });
  }
  if (inputs * dimensions <= MAX_NUMBERS) return dimensions;
  throw new Refusal(
    `The vectors of a request must have at most ${MAX_NUMBERS} numbers together, got ${inputs} of ${dimensions} dimensions. Please send fewer inputs or ask for fewer dimensions.`,
    { param },
  );
}

/** A vector of length 1 that follows from a text and the seed. */
export function unitVector(
  text: string,
  dimensions: number,
  seed: number,
): Float32Array<ArrayBuffer> {
  const next = random(seed, `embedding ${text}`);
  const vector = Float32Array.from({ length: dimensions }, () => next() - 0.5);
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value ** 2, 0));
  return vector.map((value) => value / length);
}
