import { isRecord } from "../lib/record.ts";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { addsUp, slicesOf } from "./slices.ts";
import { readTokenizerFile, type TokenizerFile } from "./tokenizer_file.ts";

/** Turns text into tokens and back. */
export interface Tokenizer {
  /** How many tokens a text has, special ones left out. Takes some 2 ms for 1000 tokens, in one go. */
  count(text: string): number;
  /**
   * As `count`, with time for other work every few milliseconds, where the tokenizer lets a text be cut at spaces:
   * for texts that may be long.
   */
  countLong(text: string): Promise<number>;
  /** The tokens of a text, special ones left out. */
  encode(text: string): readonly number[];
  /** The text of tokens, as it is: no spaces are tidied up. */
  decode(tokens: readonly number[]): string;
}

/** The kinds of model there are. The package takes any other with a vocabulary for a list of whole words. */
const MODELS = ["BPE", "Unigram", "WordPiece", "WordLevel"];

/**
 * Opens a `tokenizer.json`, as models of Hugging Face have it, or the folder that holds one. A
 * `tokenizer_config.json` beside it is heeded.
 *
 * @throws {Error} If there is none, or it cannot be used: the message says which file, and why.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const file = await readTokenizerFile(path);
  const tokenizer = build(path, file);
  const encode = (text: string) =>
    tokenizer.encode(text, { add_special_tokens: false }).ids;
  const count = (text: string) => encode(text).length;
  mustCount(path, count, file);
  let canCut: boolean | undefined;
  return {
    count,
    async countLong(text) {
      canCut ??= addsUp(count);
      let total = 0;
      for (const slice of canCut ? slicesOf(text) : [text]) {
        if (total > 0) await otherWork();
        total += count(slice);
      }
      return total;
    },
    encode,
    decode: (tokens) =>
      tokens.length === 0 ? "" : tokenizer.decode([...tokens], {
        clean_up_tokenization_spaces: false,
      }),
  };
}

/** Holds that some text has tokens: plain words, or what stands in the vocabulary itself. */
function mustCount(
  path: string,
  count: (text: string) => number,
  { tokenizer: { model } }: TokenizerFile,
): void {
  const vocab = isRecord(model) ? model.vocab : undefined;
  const entries: readonly unknown[] = Array.isArray(vocab)
    ? vocab.map((entry) => Array.isArray(entry) ? entry[0] : entry)
    : Object.keys(vocab ?? {});
  const texts = [WORDS, entries.slice(0, 1000).join(" ")];
  if (texts.some((text) => count(text) > 0)) return;
  throw new Error(
    `Cannot use the tokenizer ${path} as it must find tokens in text: current value finds 0 in ${
      JSON.stringify(WORDS)
    }, and has ${entries.length} tokens`,
  );
}

const WORDS = "some plain words";

/** By a timer: immediates would let other timers run, and keep sockets waiting. */
function otherWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Parts that a file may leave out. */
const DEFAULTS = {
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  added_tokens: [],
};

function build(
  path: string,
  { tokenizer, config }: TokenizerFile,
): HuggingFaceTokenizer {
  const model = modelOf(path, tokenizer);
  try {
    return new HuggingFaceTokenizer(
      { ...DEFAULTS, ...tokenizer },
      // A list of whole words has the one for unknown words from here.
      { ...config, unk_token: model.unk_token ?? config.unk_token },
    );
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot use the tokenizer ${path} as each of its parts must be whole and known: current value is refused with ${
        JSON.stringify(found)
      }`,
      { cause },
    );
  }
}

/** The model in a tokenizer; old files do not name its kind. */
function modelOf(
  path: string,
  { model, ...others }: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (!isRecord(model) || !isVocabulary(model.vocab)) {
    const keys = Object.keys({
      ...others,
      ...(model !== undefined && { model }),
    });
    throw new Error(
      `Cannot use ${path} as a tokenizer as it must hold a "model" with a "vocab": current value has ${
        keys.length === 0
          ? "no keys"
          : `the keys ${keys.slice(0, 8).join(", ")}`
      }`,
    );
  }
  if (model.type !== undefined && !MODELS.includes(String(model.type))) {
    throw new Error(
      `Cannot use the tokenizer ${path} as its model must be one of ${
        MODELS.join(", ")
      }: current value is ${JSON.stringify(model.type)}`,
    );
  }
  return model;
}

function isVocabulary(vocab: unknown): boolean {
  return isRecord(vocab) || (Array.isArray(vocab) && vocab.length > 0);
}
