/**
 * Counting tokens: by a tokenizer's file, or by estimate.
 *
 * @module
 */
export { estimateTokens } from "./estimate.ts";
export { openTokenizer, type Tokenizer } from "./tokenizer.ts";
