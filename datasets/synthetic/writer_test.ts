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
import { byCharacters } from "./write_by_characters.ts";
import { byTokenizer } from "./write_by_tokenizer.ts";

async function tokenizerWith(
  options: SmallTokenizerOptions,
): Promise<Tokenizer> {
  const content = JSON.stringify(smallTokenizer(options));
  await using folder = await tempFolder({ "tokenizer.json": content });
  return await openTokenizer(folder.path);
}

/** What is written, of any size, seed and opening, alone or after something. */
const anyWriting = fc.record({
  tokens: fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 300 }),
  ),
  before: fc.option(fc.integer({ min: 1, max: 50 })),
  seed: fc.nat(),
  opening: fc.array(fc.constantFrom(...WORDS), { maxLength: 3 }),
});

Deno.test("byCharacters writes exactly as many tokens as estimates have it, and the same for the same chance", async () => {
  await fc.assert(fc.asyncProperty(anyWriting, async (writing) => {
    const { tokens, before, seed, opening } = writing;
    const write = async () => {
      const chance = random(seed, "text");
      const after = before === null ? undefined : {
        text: await byCharacters.write({ tokens: before, opening, chance }),
        tokens: before,
      };
      const text = await byCharacters.write({ tokens, opening, after, chance });
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

Deno.test("byCharacters begins with the opening where there is room for it", async () => {
  const opening = ["alpha", "beta", "gamma"];
  const write = (tokens: number) =>
    byCharacters.write({ tokens, opening, chance: random(1, "x") });
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
  Deno.test(`byTokenizer() writes exactly as many tokens as asked for where the tokenizer ${knows}`, async () => {
    const tokenizer = await tokenizerWith(options);
    const writer = byTokenizer(tokenizer);
    const least = tokenizer.count("a");
    await fc.assert(
      fc.asyncProperty(anyWriting, async (writing) => {
        const { before, seed, opening } = writing;
        const tokens = Math.max(least, writing.tokens);
        const write = async () => {
          const chance = random(seed, "text");
          const first = before === null ? undefined : Math.max(least, before);
          const after = first === undefined ? undefined : {
            text: await writer.write({ tokens: first, opening, chance }),
            tokens: first,
          };
          return {
            goal: tokens + (first ?? 0),
            text: await writer.write({ tokens, opening, after, chance }),
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

Deno.test("byTokenizer() begins with the opening where there is room for it", async () => {
  const opening = ["number", "letter", "people"];
  const merges = mergesOf(opening);
  const writer = byTokenizer(await tokenizerWith({ merges }));
  const chance = random(1, "x");
  assert.match(
    await writer.write({ tokens: 40, opening, chance }),
    /^number letter people [a-z]/,
  );
  assert.match(
    await writer.write({ tokens: 2, opening, chance }),
    /^number letter$/,
  );
});

/** Counts as it is told to. */
function counting(count: (text: string) => number): Tokenizer {
  return {
    count,
    countLong: (text) => Promise.resolve(count(text)),
    encode: () => [],
    decode: () => "",
  };
}

Deno.test("byTokenizer() refuses a tokenizer that finds nothing in its words", () => {
  assert.throws(() => byTokenizer(counting(() => 0)), {
    message:
      "Cannot write texts as 'tokenizer' must find tokens in English words: current value finds 0 in all of them",
  });
});

Deno.test("byTokenizer() comes to an end where more words are no more tokens, and gives way until then", async () => {
  const writer = byTokenizer(counting(() => 1));
  const over = new AbortController();
  const writing = { tokens: 9, opening: [], chance: random(1, "x") };
  await assert.rejects(writer.write(writing), /must have one: 200 texts/);
  setTimeout(() => over.abort());
  await assert.rejects(writer.write({ ...writing, signal: over.signal }), {
    name: "AbortError",
  });
});

Deno.test("byTokenizer() says so where there is no text of a length", async () => {
  const writer = byTokenizer(counting((text) => 2 * text.length));
  const chance = random(1, "x");
  assert.equal(
    (await writer.write({ tokens: 20, opening: [], chance })).length,
    10,
  );
  await assert.rejects(writer.write({ tokens: 21, opening: [], chance }), {
    message:
      "Cannot write a text of 21 tokens as the tokenizer must have one: 200 texts were longer or shorter",
  });
});
