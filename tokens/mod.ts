/**
 * Counts tokens, with a tokenizer file or by estimate.
 *
 * @module
 */
export { CHARACTERS_PER_TOKEN, estimateTokens } from "./estimate.ts";
export { openTokenizer, type Tokenizer } from "./tokenizer.ts";
