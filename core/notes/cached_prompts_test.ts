import assert from "node:assert/strict";
import fc from "fast-check";
import type { Sample } from "../sample.ts";
import { sample } from "../../tests/support/sample.ts";
import { CachedPrompts, sharesPrefixes } from "./cached_prompts.ts";

/** A request of session number `i` with 100 input tokens. */
function request(i: number, parts: Partial<Sample> = {}): Sample {
  return sample({
    session: { id: String(i), turn: 0 },
    output: { usage: { inputTokens: 100 } },
    ...parts,
  });
}

function promptsOf(samples: readonly Sample[]): CachedPrompts {
  const prompts = new CachedPrompts();
  for (const sample of samples) prompts.add(sample);
  return prompts;
}

function times(count: number, make: (i: number) => Sample): Sample[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

Deno.test("CachedPrompts counts how often each session was sent", () => {
  const sentOf = (samples: Sample[]) => promptsOf(samples).timesSent;
  assert.equal(sentOf(times(100, (i) => request(i))), 1);
  assert.equal(sentOf(times(100, (i) => request(i % 20))), 5);
  assert.equal(sentOf(times(19, () => request(0))), undefined, "too few");
});

Deno.test("CachedPrompts leaves out later turns, speech, embeddings, short prompts and estimates", () => {
  const kinds: Partial<Sample>[] = [
    { session: { id: "a", turn: 1 } },
    { input: { audioMs: 1000 } },
    {
      output: {
        usage: { inputTokens: 100 },
        embeddings: { count: 1, dimensions: 8 },
      },
    },
    { output: { usage: { inputTokens: 63 } } },
    {
      output: {
        usage: { inputTokens: 100, countedBy: { input: "tokenizer" } },
      },
    },
    { output: {} },
  ];
  for (const parts of kinds) {
    const prompts = promptsOf(times(50, () => request(0, parts)));
    assert.equal(prompts.timesSent, undefined, JSON.stringify(parts));
    assert.equal(prompts.cachedShare, undefined);
  }
});

Deno.test("CachedPrompts gives the share of cached tokens, if the server reports them", () => {
  const output = { usage: { inputTokens: 100, cachedTokens: 80 } };
  const all = times(50, (i) => request(i, i % 2 ? { output } : {}));
  assert.equal(promptsOf(all).cachedShare, 0.4);
  assert.equal(promptsOf(times(50, request)).cachedShare, undefined);
});

Deno.test("CachedPrompts takes a sample of many sessions, whatever their order", () => {
  const sessions = fc.record({
    count: fc.integer({ min: 400, max: 1200 }),
    passes: fc.integer({ min: 1, max: 3 }),
    split: fc.integer({ min: 0, max: 3600 }),
  });
  fc.assert(
    fc.property(sessions, ({ count, passes, split }) => {
      const all = times(count * passes, (i) => request(i % count));
      assert.equal(promptsOf(all).timesSent, passes);
      const merged = promptsOf(all.slice(split).toReversed());
      merged.merge(promptsOf(all.slice(0, split)));
      assert.equal(merged.timesSent, passes);
    }),
    { numRuns: 8 },
  );
});

Deno.test("sharesPrefixes() reads the facts of one or several datasets", () => {
  assert.equal(sharesPrefixes(), false);
  assert.equal(sharesPrefixes({ items: 3 }), false);
  assert.equal(sharesPrefixes({ sharesPrefixes: true }), true);
  const datasets = [{ name: "a" }, { name: "b", sharesPrefixes: true }];
  assert.equal(sharesPrefixes({ datasets }), true);
});
