/** English text has some four characters a token under the tokenizers in use today. */
export const CHARACTERS_PER_TOKEN = 4;

/** Scripts of which a character is about a token of its own. */
const DENSE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu;

/**
 * About how many tokens a text has, for want of a tokenizer: one for each Chinese, Japanese or Korean character and
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
