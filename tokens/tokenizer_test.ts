import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { mergesOf, smallTokenizer } from "../tests/support/small_tokenizer.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer.ts";

/** Opens what files hold; a text is written as it is. */
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

/** The tokens of a text as they stand in the vocabulary. */
function pieces(tokenizer: Tokenizer, text: string): string {
  const { model: { vocab }, added_tokens: added } = HELLO;
  const names = new Map(Object.entries(vocab).map(([name, id]) => [id, name]));
  for (const { id, content } of added) names.set(id, content);
  return tokenizer.encode(text).map((id) => names.get(id)).join(" ");
}

Deno.test("openTokenizer() applies merges in their order, inside of words, byte by byte", async () => {
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

Deno.test("openTokenizer() reads back what it has written, whatever the text", async () => {
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

Deno.test("openTokenizer() counts long texts as short ones, and lets other work be done between", async () => {
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

Deno.test("openTokenizer() counts in one go where a text cannot be cut at spaces", async () => {
  const tokenizer = await open(smallTokenizer({
    parts: { normalizer: { type: "Prepend", prepend: "_" } },
  }));
  const long = "one two ".repeat(1000);
  assert.equal(await tokenizer.countLong(long), long.length + 1);
});

Deno.test("openTokenizer() leaves out the special tokens that a model would add", async () => {
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

Deno.test("openTokenizer() knows the other kinds of model", async () => {
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

Deno.test("openTokenizer() heeds the tokenizer_config.json beside a file, and needs none", async () => {
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

Deno.test("openTokenizer() says of what it cannot use which file it is, and why", async () => {
  const cases: [content: unknown, says: RegExp][] = [
    [
      "",
      /tokenizer\.json as it must hold a JSON object: current value is empty$/,
    ],
    ["{", /must hold a JSON object: current value is no JSON$/],
    ["[]", /must hold a JSON object: current value is a list$/],
    ["3", /must hold a JSON object: current value is a number$/],
    ["null", /must hold a JSON object: current value is null$/],
    [{}, /must hold a "model" with a "vocab": current value has no keys$/],
    [
      { model_type: "qwen3", hidden_size: 8 },
      /current value has the keys model_type, hidden_size$/,
    ],
    [{ model: { type: "BPE" } }, /must hold a "model" with a "vocab"/],
    [{ model: { type: "BPE", vocab: [] } }, /a "model" with a "vocab"/],
    [
      { model: { type: "Morse", vocab: { a: 0 } } },
      /its model must be one of BPE, Unigram, WordPiece, WordLevel: current value is "Morse"$/,
    ],
    [
      { model: { type: "BPE", vocab: { a: 0 } } },
      /each of its parts must be whole and known: current value is refused with "/,
    ],
    [
      { model: { type: "BPE", vocab: {}, merges: [] } },
      /must find tokens in text: current value finds 0 in "some plain words", and has 0 tokens$/,
    ],
    [
      smallTokenizer({ parts: { pre_tokenizer: { type: "Scissors" } } }),
      /refused with "Unknown PreTokenizer type: Scissors"$/,
    ],
  ];
  for (const [content, says] of cases) {
    await assert.rejects(open(content), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /^Cannot (read|use) /);
      assert.match(error.message, /earshot-tokens-/);
      assert.match(error.message, says);
      return true;
    });
  }
  await assert.rejects(open(smallTokenizer(), "no"), /tokenizer_config\.json/);
});

Deno.test("openTokenizer() takes a tokenizer that knows no Latin letters", async () => {
  const vocab = Object.fromEntries([..."一二三"].map((each, i) => [each, i]));
  const tokenizer = await open({ model: { type: "BPE", vocab, merges: [] } });
  assert.equal(tokenizer.count("三一"), 2);
  assert.equal(tokenizer.count("one"), 0);
});

Deno.test("openTokenizer() says that there is no file, or none in the folder", async () => {
  await withFiles({ "readme.txt": "" }, async (folder) => {
    const absent = join(folder, "absent.json");
    await assert.rejects(openTokenizer(absent), {
      message:
        `Cannot open a tokenizer as there must be such a file or folder: current value is ${absent}`,
    });
    await assert.rejects(openTokenizer(folder), {
      message:
        `Cannot open a tokenizer as the folder must hold a tokenizer.json: current value is ${folder}`,
    });
  });
});
