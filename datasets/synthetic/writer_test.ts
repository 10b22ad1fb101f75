import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../plugins/mod.ts";
import {
  estimateTokens,
  openTokenizer,
  type Tokenizer,
} from "../../tokens/mod.ts";
import {
  mergesOf,
  smallTokenizer,
  type SmallTokenizerOptions,
} from "../../tests/support/small_tokenizer.ts";
import { tempFolder } from "../../tests/support/datasets.ts";
import {
  characterWriter,
  characterWriter as writer,
  drawWord,
  openingsOf,
  prefixesOf,
  tokenizerWriter,
  wordOfLength,
  WORDS,
} from "./writer.ts";
import type { PrefixGroup } from "./options.ts";

async function tokenizerWith(
  options: SmallTokenizerOptions,
): Promise<Tokenizer> {
  const content = JSON.stringify(smallTokenizer(options));
  await using folder = await tempFolder({ "tokenizer.json": content });
  return await openTokenizer(folder.path);
}

/** Texts of any size, seed and opening, alone or after another text. */
const anyWriting = fc.record({
  tokens: fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 300 }),
  ),
  before: fc.option(fc.integer({ min: 1, max: 50 })),
  seed: fc.nat(),
  opening: fc.array(fc.constantFrom(...WORDS), { maxLength: 3 }),
});

Deno.test("characterWriter writes exactly the estimated number of tokens, and depends on the random stream only", async () => {
  await fc.assert(fc.asyncProperty(anyWriting, async (writing) => {
    const { tokens, before, seed, opening } = writing;
    const write = async () => {
      const stream = random(seed, "text");
      const after = before === null ? undefined : {
        text: await characterWriter({
          tokens: before,
          opening,
          random: stream,
        }),
        tokens: before,
      };
      const text = await characterWriter({
        tokens,
        opening,
        after,
        random: stream,
      });
      return { after, text };
    };
    const { after, text } = await write();
    assert.equal(estimateTokens(text), tokens + (before ?? 0));
    assert.match(text, /^[a-z]+\.?( [a-z]+\.?)*$/);
    if (after) {
      assert.ok(text.startsWith(`${after.text} `) || text === after.text);
    }
    assert.deepEqual(await write(), { after, text });
  }));
});

Deno.test("characterWriter begins with the opening if there is room for it", async () => {
  const opening = ["alpha", "beta", "gamma"];
  const write = (tokens: number) =>
    characterWriter({ tokens, opening, random: random(1, "x") });
  assert.match(await write(50), /^alpha beta gamma [a-z]/);
  assert.match(await write(3), /^alpha beta [a-z]$/);
  assert.match(await write(1), /^[a-z]{4}$/);
});

const TOKENIZERS: readonly (readonly [string, SmallTokenizerOptions])[] = [
  ["knows letters only", {}],
  ["knows every word", { merges: mergesOf(WORDS) }],
  ["knows every other word", {
    merges: mergesOf(WORDS.filter((_, i) => i % 2)),
  }],
  ["puts something at the head", {
    merges: mergesOf(WORDS.slice(0, 50)),
    parts: { normalizer: { type: "Prepend", prepend: "_" } },
  }],
];

for (const [knows, options] of TOKENIZERS) {
  Deno.test(`tokenizerWriter() writes exactly the given number of tokens with a tokenizer that ${knows}`, async () => {
    const tokenizer = await tokenizerWith(options);
    const writer = tokenizerWriter(tokenizer);
    const least = tokenizer.count("a");
    await fc.assert(
      fc.asyncProperty(anyWriting, async (writing) => {
        const { before, seed, opening } = writing;
        const tokens = Math.max(least, writing.tokens);
        const write = async () => {
          const stream = random(seed, "text");
          const first = before === null ? undefined : Math.max(least, before);
          const after = first === undefined ? undefined : {
            text: await writer({
              tokens: first,
              opening,
              random: stream,
            }),
            tokens: first,
          };
          return {
            goal: tokens + (first ?? 0),
            text: await writer({
              tokens,
              opening,
              after,
              random: stream,
            }),
          };
        };
        const { goal, text } = await write();
        const encoded = tokenizer.encode(text);
        assert.equal(encoded.length, goal);
        assert.deepEqual(await write(), { goal, text });
        if (knows.startsWith("puts")) return; // there decoding is not the way back
        assert.equal(tokenizer.decode(encoded), text);
      }),
      { numRuns: 40 },
    );
  });
}

Deno.test("tokenizerWriter() begins with the opening if there is room for it", async () => {
  const opening = ["number", "letter", "people"];
  const merges = mergesOf(opening);
  const writer = tokenizerWriter(await tokenizerWith({ merges }));
  const stream = random(1, "x");
  assert.match(
    await writer({ tokens: 40, opening, random: stream }),
    /^number letter people [a-z]/,
  );
  assert.match(
    await writer({ tokens: 2, opening, random: stream }),
    /^number letter$/,
  );
});

/** A tokenizer that only counts. */
function counting(count: (text: string) => number): Tokenizer {
  return {
    count,
    countLong: (text) => Promise.resolve(count(text)),
    encode: () => [],
    decode: () => "",
  };
}

Deno.test("tokenizerWriter() refuses a tokenizer that finds no tokens in its words", () => {
  assert.throws(() => tokenizerWriter(counting(() => 0)), {
    message: "tokenizer: must find tokens in English words, but finds none",
  });
});

Deno.test("tokenizerWriter() ends if more words do not add tokens, and yields to other work until then", async () => {
  const writer = tokenizerWriter(counting(() => 1));
  const over = new AbortController();
  const writing = { tokens: 9, opening: [], random: random(1, "x") };
  await assert.rejects(
    writer(writing),
    /found no text of 9 tokens in 200 attempts/,
  );
  setTimeout(() => over.abort());
  await assert.rejects(writer({ ...writing, signal: over.signal }), {
    name: "AbortError",
  });
});

Deno.test("tokenizerWriter() fails if the tokenizer has no text of a length", async () => {
  const writer = tokenizerWriter(counting((text) => 2 * text.length));
  const stream = random(1, "x");
  assert.equal(
    (await writer({ tokens: 20, opening: [], random: stream })).length,
    10,
  );
  await assert.rejects(
    writer({ tokens: 21, opening: [], random: stream }),
    {
      message: "tokenizer: found no text of 21 tokens in 200 attempts",
    },
  );
});

Deno.test("WORDS are 512 different words in lower case, of every length from 1 to 10", () => {
  assert.equal(WORDS.length, 512);
  assert.equal(new Set(WORDS).size, 512);
  for (const word of WORDS) assert.match(word, /^[a-z]{1,10}$/);
  for (let length = 1; length <= 10; length++) {
    assert.equal(wordOfLength(length, random(1, "x")).length, length);
  }
});

Deno.test("drawWord() gives about four characters a token, if every word and every full stop is a token", () => {
  const chance = random(1, "words");
  const words = Array.from({ length: 20_000 }, () => drawWord(chance));
  const stops = words.filter((word) => word.endsWith(".")).length;
  const perToken = words.join(" ").length / (words.length + stops);
  assert.ok(perToken > 3.8 && perToken < 4.6, `${perToken}`);
});

Deno.test("openingsOf() gives no two texts the same three words", () => {
  for (const seed of [1, 2, 2 ** 40]) {
    const opening = openingsOf(seed);
    const seen = new Set<string>();
    for (let n = -1000; n < 50_000; n++) seen.add(opening(n).join(" "));
    assert.equal(seen.size, 51_000);
  }
});

Deno.test("openingsOf() gives no two of 512 consecutive texts the same first word", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: -1e12, max: 1e12 }),
      (seed, from) => {
        const opening = openingsOf(seed);
        const firsts = Array.from(
          { length: 512 },
          (_, i) => opening(from + i)[0],
        );
        assert.equal(new Set(firsts).size, 512);
      },
    ),
  );
});

Deno.test("openingsOf() begins at another place for another seed", () => {
  const firsts = Array.from(
    { length: 50 },
    (_, seed) => openingsOf(seed)(0).join(),
  );
  assert.equal(new Set(firsts).size, 50);
  assert.deepEqual(openingsOf(7)(3), openingsOf(7)(3));
});

async function drawn(groups: readonly PrefixGroup[], sessions: number) {
  const prefixes = prefixesOf(groups, { seed: 3, writer });
  const counts = new Map<string, number>();
  for (let n = 0; n < sessions; n++) {
    const { text, tokens } = await prefixes(n);
    assert.equal(estimateTokens(text), tokens);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

Deno.test("prefixesOf() draws groups by weight, and the prefixes of a group equally often", async () => {
  const counts = await drawn([
    { tokens: 20, count: 4, weight: 3 },
    { tokens: 10, count: 1, weight: 0 },
    { tokens: 5, count: 2, weight: 1 },
  ], 8000);
  assert.equal(counts.size, 6);
  for (const [text, count] of counts) {
    const share = estimateTokens(text) === 20 ? 0.75 / 4 : 0.25 / 2;
    assert.ok(Math.abs(count / 8000 - share) < 0.02, `${text}: ${count}`);
  }
});

Deno.test("prefixesOf() never draws a group of weight 0, first, last or between others", async () => {
  const none = { tokens: 9, count: 1, weight: 0 };
  const one = { tokens: 4, count: 1, weight: 2 };
  for (const groups of [[none, one], [one, none], [none, one, none]]) {
    const texts = [...(await drawn(groups, 200)).keys()];
    assert.deepEqual(texts.map(estimateTokens), [4]);
  }
});

Deno.test("prefixesOf() gives a session the same prefix in any order of calls", async () => {
  const groups = [{ tokens: 30, count: 50, weight: 1 }];
  const forward = prefixesOf(groups, { seed: 1, writer });
  const backward = prefixesOf(groups, { seed: 1, writer });
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  const there = await Promise.all(numbers.map(forward));
  const back = await Promise.all(numbers.toReversed().map(backward));
  assert.deepEqual(back.toReversed(), there);
});
