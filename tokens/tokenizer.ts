import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { dirname, join } from "node:path";
import { yieldToEventLoop } from "../lib/event_loop.ts";
import type { JsonObject } from "../lib/json.ts";
import { isRecord } from "../lib/record.ts";
import { reasonOf } from "../lib/system_code.ts";

/** Converts text to tokens and back. */
export interface Tokenizer {
  /** Counts the tokens of a text, without special tokens. Takes about 2 ms for 1000 tokens, without a pause. */
  count(text: string): number;
  /** As `count`, but yields to other work every few milliseconds if the text can be cut at spaces. */
  countLong(text: string): Promise<number>;
  /** Returns the tokens of a text, without special tokens. */
  encode(text: string): readonly number[];
  /** Returns the text of tokens, with all of its spaces. */
  decode(tokens: readonly number[]): string;
}

/**
 * Opens a Hugging Face `tokenizer.json`, or the folder that contains one. A `tokenizer_config.json` beside it is read
 * too.
 *
 * @throws {Error} If there is no such file, or it cannot be used: the message names the file and the reason.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const files = await readFiles(path);
  const tokenizer = build(path, files);
  const encode = (text: string) =>
    tokenizer.encode(text, { add_special_tokens: false }).ids;
  const count = (text: string) => encode(text).length;
  requireTokens(path, count, files.tokenizer.model);
  let canCut: boolean | undefined;
  return {
    count,
    async countLong(text) {
      canCut ??= addsUp(count);
      let total = 0;
      for (const slice of canCut ? slicesOf(text) : [text]) {
        if (total > 0) await yieldToEventLoop();
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

interface TokenizerFiles {
  /** The content of `tokenizer.json`. */
  readonly tokenizer: JsonObject;
  /** The content of `tokenizer_config.json`; empty without one. */
  readonly config: JsonObject;
}

async function readFiles(path: string): Promise<TokenizerFiles> {
  const info = await Deno.stat(path).catch(ifNotFound);
  if (!info) {
    throw new Error(
      `cannot read the tokenizer ${path}: no such file or directory`,
    );
  }
  const file = info.isDirectory ? join(path, "tokenizer.json") : path;
  const tokenizer = await readObject(file);
  if (!tokenizer) {
    throw new Error(`${path}: the folder must contain a tokenizer.json`);
  }
  const config = await readObject(join(dirname(file), "tokenizer_config.json"));
  return { tokenizer, config: config ?? {} };
}

/** Reads the JSON object in a file; undefined if there is no such file. */
async function readObject(file: string): Promise<JsonObject | undefined> {
  const text = await Deno.readTextFile(file).catch(ifNotFound);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would repeat the content of the file.
    const found = text === "" ? "empty" : "not JSON";
    throw new Error(`${file}: must contain a JSON object, but was ${found}`);
  }
  if (isRecord(value)) return value;
  const found = Array.isArray(value) ? "a list" : JSON.stringify(value);
  throw new Error(
    `${file}: must contain a JSON object, but was ${found.slice(0, 60)}`,
  );
}

function ifNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
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
  { tokenizer, config }: TokenizerFiles,
): HuggingFaceTokenizer {
  const { unk_token = config.unk_token } = requireModel(path, tokenizer);
  try {
    // For a WordLevel model the package reads the token for unknown words from here.
    return new HuggingFaceTokenizer({ ...DEFAULTS, ...tokenizer }, {
      ...config,
      unk_token,
    });
  } catch (cause) {
    const problem = `cannot build the tokenizer: ${reasonOf(cause)}`;
    throw new Error(`${path}: ${problem}`, { cause });
  }
}

/** Known kinds of model. The package would read any other with a vocabulary as a list of whole words. */
const MODELS = ["BPE", "Unigram", "WordPiece", "WordLevel"];

/** Returns the model of a tokenizer. Old files do not name its kind. */
function requireModel(path: string, tokenizer: JsonObject): JsonObject {
  const { model } = tokenizer;
  const vocab = isRecord(model) ? model.vocab : undefined;
  if (
    !isRecord(model) || !(isRecord(vocab) || Array.isArray(vocab) && vocab[0])
  ) {
    const keys = Object.keys(tokenizer).slice(0, 8).join(", ") || "empty";
    throw new Error(
      `${path}: a tokenizer must contain a "model" with a "vocab", but its keys are ${keys}`,
    );
  }
  const { type } = model;
  if (type !== undefined && !MODELS.includes(String(type))) {
    throw new Error(
      `${path}: its model must be one of ${MODELS.join(", ")}, but was ${
        JSON.stringify(type)
      }`,
    );
  }
  return model;
}

const WORDS = "some plain words";

/** Requires that a text has tokens: plain English, or the start of the vocabulary. */
function requireTokens(
  path: string,
  count: (text: string) => number,
  model: unknown,
): void {
  const vocab = isRecord(model) ? model.vocab : undefined;
  const entries: readonly unknown[] = Array.isArray(vocab)
    ? vocab.map((entry) => Array.isArray(entry) ? entry[0] : entry)
    : Object.keys(vocab ?? {});
  const texts = [WORDS, entries.slice(0, 1000).join(" ")];
  if (texts.some((text) => count(text) > 0)) return;
  throw new Error(
    `${path}: must find tokens in text, but found none in ${
      JSON.stringify(WORDS)
    }; its vocabulary has ${entries.length} entries`,
  );
}

/** Number of characters counted between two pauses: some milliseconds of work. */
const SLICE_CHARACTERS = 4096;

/** Matches where a text may be cut: before a single space between two letters. A new one, as it keeps its position. */
const cuts = () => /(?<=\p{L})(?= \p{L})/gu;

const PROBE =
  "Most tokenizers cut at spaces before they look any closer, and so each half of this adds up";

/**
 * Whether a text may be cut before a space and counted in slices. Tried at every space of a sentence: some tokenizers
 * cut there themselves, others add a token at the start of each text, or merge across spaces.
 */
export function addsUp(count: (text: string) => number): boolean {
  const whole = count(PROBE);
  return [...PROBE.matchAll(cuts())].every(({ index }) =>
    count(PROBE.slice(0, index)) + count(PROBE.slice(index)) === whole
  );
}

/** Cuts a text before spaces, into slices of at least the given length. */
export function* slicesOf(
  text: string,
  characters: number = SLICE_CHARACTERS,
): Generator<string> {
  const cut = cuts();
  let start = 0;
  while (text.length - start > characters) {
    cut.lastIndex = start + characters;
    const end = cut.exec(text)?.index ?? text.length;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length || start === 0) yield text.slice(start);
}
