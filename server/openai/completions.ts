import { makeAnswer } from "./answer.ts";
import {
  type Body,
  choicesOf,
  isStreamed,
  readBody,
  tokenLimit,
} from "./body.ts";
import { MAX_PROMPTS, tokenBudget } from "./bounds.ts";
import { completion, completionChunks } from "./completion_json.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { Refusal } from "../http/refusal.ts";
import type { Exchange } from "../http/exchange.ts";
import { headOf } from "./head.ts";
import { answerWhole, type Job, streamAnswers } from "./stream.ts";
import { usagePlaces } from "./usage.ts";
import { textOfIds, tokensOf } from "./tokens.ts";

/** `/v1/completions`. */
export const completions: Endpoint = {
  prefix: "cmpl-",
  handle(incoming, exchange, { models, seats }) {
    const { options, id } = exchange;
    const body = readBody(incoming, { required: [], models });
    const prompts = promptsOf(body);
    const streamed = isStreamed(body, exchange);
    const job: Job = { ...jobOf(body, prompts, exchange), seats };
    const head = headOf(id, body.model ?? models[0], exchange.clock);
    const echoed = body.echo === true ? prompts : [];
    const n = choicesOf(body);
    if (streamed) {
      const places = usagePlaces(body.stream_options, options);
      const chunks = completionChunks(head, {
        places,
        options,
        ahead: (choice) => echoed[Math.floor(choice / n)] ?? "",
      });
      return streamAnswers(exchange, job, { chunks, places });
    }
    const texts = job.answers.map(({ pieces }, choice) =>
      (echoed[Math.floor(choice / n)] ?? "") +
      pieces.map(({ text }) => text).join("")
    );
    answerWhole(exchange, job, {
      type: "text_completion",
      json: () => completion(head, { job, texts, options }),
    });
  },
};

function jobOf(
  body: Body,
  prompts: readonly string[],
  exchange: Exchange,
): Omit<Job, "seats"> {
  const { options } = exchange;
  const n = choicesOf(body);
  const within = tokenBudget(options);
  let promptTokens = 0;
  const answers = prompts.flatMap((prompt, i) => {
    const tokens = tokensOf(prompt).length;
    promptTokens += tokens;
    const limit = tokenLimit(body, {
      fields: ["max_tokens"],
      promptTokens: tokens,
      maxModelLen: options.maxModelLen,
      usual: USUAL_TOKENS,
    });
    const plan = {
      options: { ...options, reasoningTokens: 0, refusal: false },
      limit,
      said: prompt,
      calls: [],
    };
    return Array.from({ length: n }, (_, k) => {
      const random = exchange.random(`answer ${i * n + k}`);
      return within(makeAnswer({ ...plan, random }));
    });
  });
  return { answers, promptTokens };
}

/** What the API generates where a request does not say. */
const USUAL_TOKENS = 16;

/**
 * The prompts: a text or its tokens, or several of either.
 *
 * @throws {Refusal} There is none, or there are more than vLLM takes.
 */
function promptsOf({ prompt }: Body): string[] {
  if (typeof prompt === "string" && prompt !== "") return [prompt];
  if (Array.isArray(prompt) && prompt.length > 0) {
    if (prompt.every((item) => typeof item === "number")) {
      return [textOfIds(prompt)];
    }
    checkCount(prompt.length);
    return prompt.map((item) =>
      Array.isArray(item) ? textOfIds(item) : String(item)
    );
  }
  throw new Refusal(
    "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
    { param: "prompt" },
  );
}

function checkCount(prompts: number): void {
  if (prompts <= MAX_PROMPTS) return;
  throw new Refusal(
    `prompt list length ${prompts} exceeds the maximum allowed count of ${MAX_PROMPTS}. To increase this limit, set the VLLM_MAX_COMPLETION_PROMPTS environment variable. (parameter=prompt)`,
    { param: "prompt" },
  );
}
