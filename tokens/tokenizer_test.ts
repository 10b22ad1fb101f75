import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { mergesOf, smallTokenizer } from "../tests/support/small_tokenizer.ts";
import {
  addsUp,
  openTokenizer,
  slicesOf,
  type Tokenizer,
} from "./tokenizer.ts";

/** Writes files, the value of each as JSON unless it is text. */
async function withFiles<T>(
  files: Readonly<Record<string, unknown>>,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-tokens-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      const text = typeof content === "string"
        ? content
        : JSON.stringify(content);
      await Deno.writeTextFile(join(folder, name), text);
    }
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function open(
  tokenizer: unknown,
  config?: unknown,
): Promise<Tokenizer> {
  return withFiles({
    "tokenizer.json": tokenizer,
    ...(config !== undefined && { "tokenizer_config.json": config }),
  }, openTokenizer);
}

const HELLO = smallTokenizer({
  merges: [
    ["l", "l"],
    ["h", "e"],
    ["Ġ", "w"],
    ["he", "ll"],
    ["Ġw", "o"],
    ["Ã", "©"],
  ],
  added: ["<|end|>"],
});

/** The tokens of a text, by their names in the vocabulary. */
function pieces(tokenizer: Tokenizer, text: string): string {
  const { model: { vocab }, added_tokens: added } = HELLO;
  const names = new Map(Object.entries(vocab).map(([name, id]) => [id, name]));
  for (const { id, content } of added) names.set(id, content);
  return tokenizer.encode(text).map((id) => names.get(id)).join(" ");
}

Deno.test("openTokenizer() applies merges in their order, within words, byte by byte", async () => {
  const tokenizer = await open(HELLO);
  const cases: [string, string][] = [
    ["hello", "hell o"],
    ["hello world", "hell o Ġwo r l d"],
    ["hellllo", "hell ll o"],
    ["heλ", "he Î »"], // a letter of two bytes that no merge knows
    ["cafés", "c a f Ã© s"], // one that a merge knows
    ["a  world", "a Ġ Ġwo r l d"], // of two spaces the last goes with the word
    ["wo world", "w o Ġwo r l d"],
    ["hello<|end|> w", "hell o <|end|> Ġw"],
    ["<|end|>", "<|end|>"],
    ["<|en|>", "< | e n | >"],
    ["it's", "i t ' s"],
    ["\n", "Ċ"],
    ["👍", "ð Ł ĳ į"],
  ];
  for (const [text, tokens] of cases) {
    assert.equal(pieces(tokenizer, text), tokens, text);
    assert.equal(tokenizer.count(text), tokens.split(" ").length, text);
  }
});

Deno.test("openTokenizer() decodes what it encodes", async () => {
  const merges = [...mergesOf(["hello", "world"]), ["æ", "¼"] as const];
  const tokenizer = await open(smallTokenizer({ merges }));
  assert.equal(tokenizer.count(""), 0);
  assert.equal(tokenizer.decode([]), "");
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom(..."helowrd .,'\n漢") }),
  );
  fc.assert(fc.property(text, (text) => {
    const tokens = tokenizer.encode(text);
    assert.equal(tokenizer.count(text), tokens.length);
    assert.equal(tokenizer.decode(tokens), text);
  }));
});

Deno.test("openTokenizer() counts long texts like short ones, and yields to other work", async () => {
  const merges = mergesOf(["hello", "world"]);
  const tokenizer = await open(smallTokenizer({ merges }));
  const long = "hello, world of words ".repeat(1000);
  let others = 0;
  const timer = setInterval(() => others++);
  assert.equal(await tokenizer.countLong(long), tokenizer.count(long));
  clearInterval(timer);
  assert.ok(others > 0);
  assert.equal(await tokenizer.countLong(""), 0);
});

Deno.test("openTokenizer() counts without a pause if a text cannot be cut at spaces", async () => {
  const tokenizer = await open(smallTokenizer({
    parts: { normalizer: { type: "Prepend", prepend: "_" } },
  }));
  const long = "one two ".repeat(1000);
  assert.equal(await tokenizer.countLong(long), long.length + 1);
});

Deno.test("openTokenizer() leaves out special tokens", async () => {
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const tokenizer = await open(smallTokenizer({
    added: ["<s>"],
    parts: {
      post_processor: {
        type: "TemplateProcessing",
        single: [special("<s>"), { Sequence: { id: "A", type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    },
  }));
  assert.equal(tokenizer.count("ab"), 2);
});

Deno.test("openTokenizer() opens the other kinds of model", async () => {
  const bare = (model: unknown, others: object = {}) =>
    open({ model, ...others });
  const unigram = await bare({
    type: "Unigram",
    unk_id: 0,
    vocab: [["<unk>", 0], ["▁", -3], ["▁he", -2], ["llo", -2], ["l", -4], [
      "o",
      -4,
    ]],
  }, {
    pre_tokenizer: {
      type: "Metaspace",
      replacement: "▁",
      prepend_scheme: "always",
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  });
  assert.deepEqual(unigram.encode("hello"), [2, 3]);
  assert.equal(unigram.decode([2, 3, 2]), "hello he");
  const wordPiece = await bare({
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[UNK]": 0, "un": 1, "##do": 2 },
  }, {
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: false },
  });
  assert.deepEqual(wordPiece.encode("Undo what"), [1, 2, 0]);
  assert.equal(wordPiece.decode([1, 2]), "undo");
  const words = await bare(
    { type: "WordLevel", unk_token: "?", vocab: { "?": 0, yes: 1, no: 2 } },
    { pre_tokenizer: { type: "WhitespaceSplit" } },
  );
  assert.deepEqual(words.encode("yes no maybe"), [1, 2, 0]);
});

Deno.test("openTokenizer() reads the tokenizer_config.json beside a file if there is one", async () => {
  const config = { remove_space: true };
  const spaced = "a   b";
  assert.equal((await open(smallTokenizer())).count(spaced), 5);
  assert.equal((await open(smallTokenizer(), config)).count(spaced), 3);
  const files = {
    "tokenizer.json": smallTokenizer(),
    "tokenizer_config.json": config,
  };
  await withFiles(files, async (folder) => {
    const tokenizer = await openTokenizer(join(folder, "tokenizer.json"));
    assert.equal(tokenizer.count(spaced), 3);
  });
});

Deno.test("openTokenizer() names the file and the reason in errors", async () => {
  const cases: [content: unknown, says: RegExp][] = [
    [
      "",
      /tokenizer\.json: must contain a JSON object, but was empty$/,
    ],
    ["{", /must contain a JSON object, but was not JSON$/],
    ["[]", /must contain a JSON object, but was a list$/],
    ["3", /must contain a JSON object, but was 3$/],
    ["null", /must contain a JSON object, but was null$/],
    [
      {},
      /a tokenizer must contain a "model" with a "vocab", but its keys are empty$/,
    ],
    [
      { model_type: "qwen3", hidden_size: 8 },
      /but its keys are model_type, hidden_size$/,
    ],
    [
      { model: { type: "BPE" } },
      /a tokenizer must contain a "model" with a "vocab"/,
    ],
    [{ model: { type: "BPE", vocab: [] } }, /a "model" with a "vocab"/],
    [
      { model: { type: "Morse", vocab: { a: 0 } } },
      /its model must be one of BPE, Unigram, WordPiece, WordLevel, but was "Morse"$/,
    ],
    [
      { model: { type: "BPE", vocab: { a: 0 } } },
      /cannot build the tokenizer: ./,
    ],
    [
      { model: { type: "BPE", vocab: {}, merges: [] } },
      /must find tokens in text, but found none in "some plain words"; its vocabulary has 0 entries$/,
    ],
    [
      smallTokenizer({ parts: { pre_tokenizer: { type: "Scissors" } } }),
      /cannot build the tokenizer: Unknown PreTokenizer type: Scissors$/,
    ],
  ];
  for (const [content, says] of cases) {
    await assert.rejects(open(content), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /^[^ ]*earshot-tokens-[^ ]*: /);
      assert.match(error.message, says);
      return true;
    });
  }
  await assert.rejects(open(smallTokenizer(), "no"), /tokenizer_config\.json/);
});

Deno.test("openTokenizer() accepts a tokenizer without Latin letters", async () => {
  const vocab = Object.fromEntries([..."一二三"].map((each, i) => [each, i]));
  const tokenizer = await open({ model: { type: "BPE", vocab, merges: [] } });
  assert.equal(tokenizer.count("三一"), 2);
  assert.equal(tokenizer.count("one"), 0);
});

Deno.test("openTokenizer() names a file that does not exist, and a folder without one", async () => {
  await withFiles({ "readme.txt": "" }, async (folder) => {
    const absent = join(folder, "absent.json");
    await assert.rejects(openTokenizer(absent), {
      message: `cannot read the tokenizer ${absent}: no such file or directory`,
    });
    await assert.rejects(openTokenizer(folder), {
      message: `${folder}: the folder must contain a tokenizer.json`,
    });
  });
});

const spacedText = fc.string({
  unit: fc.constantFrom("a", "é", "漢", " ", " ", "."),
});

Deno.test("slicesOf() cuts a text before spaces between letters", () => {
  fc.assert(
    fc.property(spacedText, fc.integer({ min: 1, max: 20 }), (text, most) => {
      const slices = [...slicesOf(text, most)];
      assert.equal(slices.join(""), text);
      for (const [i, slice] of slices.slice(1).entries()) {
        assert.match(slice, /^ \p{L}/u);
        assert.match(slices[i]!, /\p{L}$/u);
        assert.ok(slices[i]!.length >= most);
      }
    }),
  );
  assert.deepEqual([...slicesOf("one two three", 4)], ["one two", " three"]);
  assert.deepEqual([...slicesOf("")], [""]);
});

Deno.test("addsUp() is true for tokenizers that cut at spaces only", () => {
  const words = (text: string) => text.match(/ ?\S+/g)?.length ?? 0;
  assert.equal(addsUp(words), true);
  assert.equal(addsUp((text) => words(` ${text}`) + 1), false);
  assert.equal(addsUp((text) => Math.ceil(text.length / 4)), false);
});
