import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";

/** Turns text into tokens and back. */
export interface Tokenizer {
  /** How many tokens a text has, special ones left out. */
  count(text: string): number;
  /** The tokens of a text, special ones left out. */
  encode(text: string): readonly number[];
  /** The text of tokens. */
  decode(tokens: readonly number[]): string;
}

/**
 * Opens a `tokenizer.json`, as models of Hugging Face have it, or the folder that holds one.
 *
 * @throws {Error} If there is none, or it cannot be used.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const text = await Deno.readTextFile(path);
  const tokenizer = new HuggingFaceTokenizer(JSON.parse(text), {});
  const encode = (text: string) =>
    tokenizer.encode(text, { add_special_tokens: false }).ids;
  return {
    count: (text) => encode(text).length,
    encode,
    decode: (tokens) => tokenizer.decode([...tokens]),
  };
}
