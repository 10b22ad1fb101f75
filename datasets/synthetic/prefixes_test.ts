import assert from "node:assert/strict";
import { estimateTokens } from "../../tokens/mod.ts";
import { prefixesOf, type PrefixGroup } from "./prefixes.ts";
import { characterWriter as writer } from "./writer.ts";

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
