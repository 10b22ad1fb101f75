import type { Failure } from "../sample.ts";

/**
 * What servers say of a request that is longer than their context: OpenAI, vLLM, SGLang, llama.cpp, TGI, TensorRT-LLM
 * and Anthropic. Its HTTP status is that of any invalid request.
 */
const OVERFLOW =
  /context[ _](length|window|size)|max(imum)?[ _]model[ _]len|max_seq_len|prompt is too long|`inputs` (tokens \+|must have less than)/i;

/** Failures that are the server's answers. */
const ANSWERS: ReadonlySet<string> = new Set(["http_error", "server_error"]);

/** Counts the requests that the server refused as longer than its context. */
export class ContextOverflow {
  #refused = 0;

  /** Adds a failure. */
  add({ class: name, code = "", message }: Failure): void {
    if (!ANSWERS.has(name)) return;
    if (OVERFLOW.test(code) || OVERFLOW.test(message)) this.#refused++;
  }

  /** Adds the count of other requests of the stage. */
  merge(other: ContextOverflow): void {
    this.#refused += other.#refused;
  }

  /** Number of the requests. */
  get refused(): number {
    return this.#refused;
  }
}
