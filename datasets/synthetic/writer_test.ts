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
import { WORDS } from "./words.ts";
import { characterWriter, tokenizerWriter } from "./writer.ts";

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
        text: await characterWriter.write({
          tokens: before,
          opening,
          random: stream,
        }),
        tokens: before,
      };
      const text = await characterWriter.write({
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
    characterWriter.write({ tokens, opening, random: random(1, "x") });
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
            text: await writer.write({
              tokens: first,
              opening,
              random: stream,
            }),
            tokens: first,
          };
          return {
            goal: tokens + (first ?? 0),
            text: await writer.write({
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
    await writer.write({ tokens: 40, opening, random: stream }),
    /^number letter people [a-z]/,
  );
  assert.match(
    await writer.write({ tokens: 2, opening, random: stream }),
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
    writer.write(writing),
    /found no text of 9 tokens in 200 attempts/,
  );
  setTimeout(() => over.abort());
  await assert.rejects(writer.write({ ...writing, signal: over.signal }), {
    name: "AbortError",
  });
});

Deno.test("tokenizerWriter() fails if the tokenizer has no text of a length", async () => {
  const writer = tokenizerWriter(counting((text) => 2 * text.length));
  const stream = random(1, "x");
  assert.equal(
    (await writer.write({ tokens: 20, opening: [], random: stream })).length,
    10,
  );
  await assert.rejects(
    writer.write({ tokens: 21, opening: [], random: stream }),
    {
      message: "tokenizer: found no text of 21 tokens in 200 attempts",
    },
  );
});
