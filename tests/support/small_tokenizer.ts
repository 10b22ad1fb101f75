/** Parts of a small tokenizer. */
export interface SmallTokenizerOptions {
  /** Merges in order of rank: pieces of the byte alphabet, with `Ġ` for a space. */
  readonly merges?: readonly (readonly [string, string])[];
  /** Added tokens, which are never split. */
  readonly added?: readonly string[];
  /** Parts of the file to replace. */
  readonly parts?: Readonly<Record<string, unknown>>;
}

/** The parts of a `tokenizer.json` that tests read. */
export interface SmallTokenizer {
  /** Added tokens, which are never split. */
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
  }[];
  /** Vocabulary and merges. */
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
}

/** Returns a `tokenizer.json` with byte-level BPE: all 256 bytes, the results of merges, added tokens. */
export function smallTokenizer(
  { merges = [], added = [], parts = {} }: SmallTokenizerOptions = {},
): SmallTokenizer {
  const merged = merges.map(([left, right]) => left + right);
  const tokens = [...BYTES, ...new Set(merged)];
  const byteLevel = { type: "ByteLevel", add_prefix_space: false };
  const whole = {
    version: "1.0",
    added_tokens: added.map((content, i) => ({
      id: tokens.length + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: true },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(" ")),
    },
  };
  return { ...whole, ...parts };
}

/** Returns merges that build whole words letter by letter, unless a merge of another word applies; the space joins last. */
export function mergesOf(words: readonly string[]): [string, string][] {
  const pairs = words.flatMap((word) => [
    ...steps([...word]),
    ["Ġ", word] as [string, string],
  ]);
  return [...new Map(pairs.map((pair) => [pair.join(" "), pair])).values()];
}

function steps(letters: readonly string[]): [string, string][] {
  return letters.slice(1).map((letter, i) => [
    letters.slice(0, i + 1).join(""),
    letter,
  ]);
}

/** The byte alphabet of GPT-2: printable bytes are themselves, the others characters from U+0100. */
const BYTES: readonly string[] = bytes();

function bytes(): string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 32 && byte < 127) ||
      (byte > 160 && byte !== 173);
    return String.fromCharCode(isPrintable ? byte : 256 + others++);
  });
}
