import type { Answer } from "./answer.ts";
import { Refusal } from "../http/refusal.ts";
import type { RequestOptions } from "./options.ts";

/** The most answers to a prompt: vLLM's own limit. */
export const MAX_CHOICES = 16_384;

/** The most prompts of a request: vLLM's own limit. */
export const MAX_PROMPTS = 1024;

/** Tokens that are made for one request: 16 answers of the usual length of a model. */
const MAX_TOKENS = 262_144;

/** Numbers in the vectors of one request, as of 2,048 texts in 2,048 dimensions. */
const MAX_NUMBERS = 4_194_304;

/**
 * Counts the tokens of a request's answers as they are made. One answer may be as long as the model, all of them
 * together no longer than what a server can hold.
 *
 * @returns To be called with each answer, which it returns. It throws a {@linkcode Refusal} of those that are too much.
 */
export function tokenBudget(
  { maxModelLen }: Pick<RequestOptions, "maxModelLen">,
): (answer: Answer) => Answer {
  const most = Math.max(MAX_TOKENS, maxModelLen);
  let tokens = 0;
  return (answer) => {
    tokens += answer.tokens;
    if (tokens <= most) return answer;
    throw new Refusal(
      `The answers to a request must have at most ${most} tokens together. Please request fewer answers (n), fewer prompts or fewer tokens of each (max_tokens).`,
    );
  };
}

/**
 * Looks whether vectors can be held.
 *
 * @throws {Refusal} They have too many numbers.
 */
export function checkNumbers(inputs: number, dimensions: number): void {
  if (inputs * dimensions <= MAX_NUMBERS) return;
  throw new Refusal(
    `The vectors of a request must have at most ${MAX_NUMBERS} numbers together, got ${inputs} of ${dimensions} dimensions. Please send fewer inputs or ask for fewer dimensions.`,
    { param: "dimensions" },
  );
}
