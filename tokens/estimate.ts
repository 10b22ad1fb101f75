/** English text has some four characters a token under the tokenizers in use today. */
const CHARACTERS_PER_TOKEN = 4;

/** About how many tokens a text has: an estimate, for want of a tokenizer. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
