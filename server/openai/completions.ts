import type { Endpoint } from "../http/endpoints.ts";
import type { Exchange } from "../http/exchange.ts";
import { refusedParameter } from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import { makeAnswers } from "./answer.ts";
import {
  type Body,
  choicesOf,
  isStreamed,
  readBody,
  tokenLimit,
} from "./body.ts";
import {
  type ChunkForm,
  countsOf,
  generate,
  type Job,
  streamAnswers,
} from "./generation.ts";
import { countTokens, textOfIds } from "./tokens.ts";
import {
  type Head,
  headOf,
  nulls,
  plainUsage,
  type StreamUsage,
  streamUsage,
  wholeAnswer,
} from "./usage.ts";

/** The most prompts of a request: vLLM's own limit. */
const MAX_PROMPTS = 1024;

/** Tokens of a completion unless the request sets them. */
const USUAL_TOKENS = 16;

/** `/v1/completions`. */
export const completions: Endpoint = {
  prefix: "cmpl-",
  handle(incoming, exchange) {
    const { options, host } = exchange;
    const body = readBody(incoming, host);
    const prompts = promptsOf(body);
    const streamed = isStreamed(body, exchange);
    const n = choicesOf(body);
    const job = answersOf(body, prompts, n, exchange);
    const head = headOf(exchange, body.model);
    const echoed = body.echo === true ? prompts : [];
    const before = (choice: number) => echoed[Math.floor(choice / n)] ?? "";
    if (streamed) {
      const usage = streamUsage(body.stream_options, options, plainUsage);
      const chunks = completionChunks(head, usage, options, before);
      return streamAnswers(exchange, job, chunks);
    }
    generate(exchange, job, {
      done() {
        const json = completion(head, job, options, before);
        exchange.answer(json, { type: "text_completion" });
      },
    });
  },
};

function answersOf(
  body: Body,
  prompts: readonly string[],
  n: number,
  exchange: Exchange,
): Job {
  const options = { ...exchange.options, reasoningTokens: 0, refusal: false };
  const fields = ["max_tokens"];
  let promptTokens = 0;
  const plans = prompts.map((said) => {
    const tokens = countTokens(said);
    promptTokens += tokens;
    const limit = tokenLimit(body, fields, tokens, options, USUAL_TOKENS);
    return { options, limit, said, calls: [] };
  });
  return { answers: makeAnswers(exchange, plans, n), promptTokens };
}

/**
 * Reads the prompts: a text or its tokens, or several of either.
 *
 * @throws {Refusal} If there is no prompt, or more than vLLM takes.
 */
function promptsOf({ prompt }: Body): string[] {
  if (typeof prompt === "string" && prompt !== "") return [prompt];
  if (!Array.isArray(prompt) || prompt.length === 0) {
    throw refusedParameter(
      "Either prompt or prompt_embeds must be provided and non-empty.",
      "prompt",
    );
  }
  if (prompt.every((item) => typeof item === "number")) {
    return [textOfIds(prompt)];
  }
  if (prompt.length > MAX_PROMPTS) {
    throw refusedParameter(
      `prompt list length ${prompt.length} exceeds the maximum allowed count of ${MAX_PROMPTS}. To increase this limit, set the VLLM_MAX_COMPLETION_PROMPTS environment variable.`,
      "prompt",
    );
  }
  return prompt.map((item) =>
    Array.isArray(item) ? textOfIds(item) : String(item)
  );
}

/** Forms the chunks of a streamed completion. `before` is the text before an answer's own. */
function completionChunks(
  { id, created, model }: Head,
  usage: StreamUsage,
  { dialect }: Options,
  before: (choice: number) => string,
): ChunkForm {
  const object = "text_completion";
  const tail = dialect === "vllm"
    ? nulls("stop_reason", "prompt_token_ids", "token_ids")
    : {};
  const begun = new Set<number>();
  return {
    head: { id, object, created, model },
    usage,
    choices({ text }, index, reason) {
      const prefix = begun.has(index) ? "" : before(index);
      begun.add(index);
      const finish_reason = reason ?? null;
      const whole = prefix + text;
      return [{ index, text: whole, logprobs: null, finish_reason, ...tail }];
    },
  };
}

/** The JSON of a completion in one piece. */
function completion(
  head: Head,
  job: Job,
  options: Options,
  before: (choice: number) => string,
): string {
  const extra = {
    ...nulls("stop_reason", "token_ids", "prompt_logprobs"),
    ...nulls("prompt_token_ids", "routed_experts"),
  };
  const choices = job.answers.map(({ pieces, finishReason }, index) => ({
    index,
    text: before(index) + pieces.map(({ text }) => text).join(""),
    logprobs: null,
    finish_reason: finishReason,
    ...(options.dialect === "vllm" && extra),
  }));
  const object = "text_completion";
  const counts = countsOf(job);
  return JSON.stringify(wholeAnswer(head, object, choices, counts, options));
}
