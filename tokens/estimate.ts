/** English text has about four characters a token with current tokenizers. */
export const CHARACTERS_PER_TOKEN = 4;

/** Scripts in which one character is about one token. */
const DENSE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu;

/**
 * Estimates the number of tokens of a text without a tokenizer: one for each Chinese, Japanese or Korean character and
 * one for every 4 others, rounded up.
 */
export function estimateTokens(text: string): number {
  let dense = 0;
  let others = text.length;
  for (const [run] of text.matchAll(DENSE)) {
    dense += [...run].length;
    others -= run.length;
  }
  return Math.ceil(dense + others / CHARACTERS_PER_TOKEN);
}
