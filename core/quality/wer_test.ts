import assert from "node:assert/strict";
import fc from "fast-check";
import { distance as levenshtein } from "fastest-levenshtein";
import { normalizers } from "./normalize.ts";
import { finish } from "../../lib/alignment.ts";
import * as wer from "./wer.ts";

const { none, basic } = normalizers;

function wordErrors(...texts: Parameters<wer.CountErrors>): wer.EditCounts {
  return finish(wer.wordErrors(...texts));
}

function characterErrors(
  ...texts: Parameters<wer.CountErrors>
): wer.EditCounts {
  return finish(wer.characterErrors(...texts));
}

/** Few letters, so that texts share many. */
const texts = fc.string({
  unit: fc.constantFrom("a", "b", "c"),
  maxLength: 40,
});

function spaced(letters: string): string {
  return letters.split("").join(" ");
}

Deno.test("wordErrors() counts each kind of error", () => {
  const reference = "the cat sat on the mat";
  const cases: [string, { s: number; d: number; i: number }][] = [
    ["the cat sat on the mat", { s: 0, d: 0, i: 0 }],
    ["the bat sat on the mat", { s: 1, d: 0, i: 0 }],
    ["the cat on the mat", { s: 0, d: 1, i: 0 }],
    ["the cat sat right on the mat", { s: 0, d: 0, i: 1 }],
    ["a cat sat the mat there", { s: 1, d: 1, i: 1 }],
    ["", { s: 0, d: 6, i: 0 }],
  ];
  for (const [hypothesis, expected] of cases) {
    const counts = wordErrors(reference, hypothesis, none);
    assert.deepEqual(counts, { ...expected, n: 6 }, hypothesis);
  }
});

Deno.test("wordErrors() prefers the way with the most words right among the shortest", () => {
  assert.deepEqual(wordErrors("a b", "b c", none), { s: 0, d: 1, i: 1, n: 2 });
  assert.deepEqual(wordErrors("a b c", "c x y", none), {
    s: 3,
    d: 0,
    i: 0,
    n: 3,
  }, "keeping c would take four");
});

Deno.test("wordErrors() cuts at white space of any kind and length", () => {
  const counts = wordErrors("  one\ttwo\n three ", "one\u00a0two  three", none);
  assert.deepEqual(counts, { s: 0, d: 0, i: 0, n: 3 });
});

Deno.test("wordErrors() normalizes both texts first", () => {
  const counts = wordErrors("Hello, world!", "hello WORLD", basic);
  assert.deepEqual(counts, { s: 0, d: 0, i: 0, n: 2 });
  assert.equal(wordErrors("Hello, world!", "hello WORLD", none).s, 2);
});

Deno.test("wordErrors() takes an empty reference as no words, all insertions", () => {
  const counts = wordErrors(" ", "so much noise", none);
  assert.deepEqual(counts, { s: 0, d: 0, i: 3, n: 0 });
});

Deno.test("wordErrors() and characterErrors() find the Levenshtein distance, as another implementation does", () => {
  fc.assert(fc.property(texts, texts, (reference, hypothesis) => {
    const expected = levenshtein(reference, hypothesis);
    const byWord = wordErrors(spaced(reference), spaced(hypothesis), none);
    assert.equal(byWord.s + byWord.d + byWord.i, expected);
    assert.equal(byWord.n, reference.length);
    assert.deepEqual(characterErrors(reference, hypothesis, none), byWord);
  }));
});

Deno.test("wordErrors() stays within what lengths allow, and turns d into i when the texts change places", () => {
  fc.assert(fc.property(texts, texts, (reference, hypothesis) => {
    const { s, d, i, n } = wordErrors(
      spaced(reference),
      spaced(hypothesis),
      none,
    );
    const m = hypothesis.length;
    assert.ok(Math.abs(n - m) <= s + d + i && s + d + i <= Math.max(n, m));
    assert.ok(s >= 0 && d >= 0 && i >= 0 && s + d <= n && s + i <= m);
    assert.equal(n - d, m - i, "the rest has one length");
    assert.deepEqual(
      wordErrors(spaced(hypothesis), spaced(reference), none),
      { s, d: i, i: d, n: m },
    );
  }));
});

Deno.test("wordErrors() has no errors in a text and itself, and only deletions in nothing", () => {
  fc.assert(fc.property(texts.map(spaced), (text) => {
    const { n, ...same } = wordErrors(text, text, none);
    assert.deepEqual(same, { s: 0, d: 0, i: 0 });
    assert.deepEqual(wordErrors(text, "", none), { s: 0, d: n, i: 0, n });
  }));
});

Deno.test("wordErrors() agrees with a plain full table on s, d and i", () => {
  fc.assert(fc.property(texts, texts, (reference, hypothesis) => {
    const { s, d, i } = wordErrors(
      spaced(reference),
      spaced(hypothesis),
      none,
    );
    assert.deepEqual([s + d + i, s], fullTable(reference, hypothesis));
  }));
});

Deno.test("wordErrors() compares 10,000 words", () => {
  const reference = Array.from({ length: 10_000 }, (_, i) => `w${i % 997}`);
  const hypothesis = reference.flatMap((word, i) => {
    if (i % 100 === 7) return [];
    if (i % 100 === 40) return ["wrong"];
    return i % 100 === 80 ? [word, "more"] : [word];
  });
  const counts = wordErrors(reference.join(" "), hypothesis.join(" "), none);
  assert.deepEqual(counts, { s: 100, d: 100, i: 100, n: 10_000 });
});

Deno.test("wordErrors() compares texts of very different length", () => {
  const reference = Array.from({ length: 40_000 }, (_, i) => `w${i}`).join(" ");
  const counts = wordErrors(reference, "w5 wrong w9", none);
  assert.deepEqual(counts, { s: 1, d: 39_997, i: 0, n: 40_000 });
});

Deno.test("characterErrors() counts code points and leaves spaces out", () => {
  assert.deepEqual(characterErrors("a b c", "abc", none), {
    s: 0,
    d: 0,
    i: 0,
    n: 3,
  });
  assert.deepEqual(characterErrors("日本語😀", "日本话😀", none), {
    s: 1,
    d: 0,
    i: 0,
    n: 4,
  });
});

/** Fewest errors, and fewest substitutions among these, by Levenshtein's whole table of pairs. */
function fullTable(a: string, b: string): [number, number] {
  const table: [number, number][][] = [];
  for (let i = 0; i <= a.length; i++) {
    table.push([]);
    for (let j = 0; j <= b.length; j++) {
      const ways: [number, number][] = [];
      if (i === 0 && j === 0) ways.push([0, 0]);
      if (i > 0) ways.push([table[i - 1]![j]![0] + 1, table[i - 1]![j]![1]]);
      if (j > 0) ways.push([table[i]![j - 1]![0] + 1, table[i]![j - 1]![1]]);
      if (i > 0 && j > 0) {
        const [errors, s] = table[i - 1]![j - 1]!;
        const differs = a[i - 1] === b[j - 1] ? 0 : 1;
        ways.push([errors + differs, s + differs]);
      }
      ways.sort(([e1, s1], [e2, s2]) => e1 - e2 || s1 - s2);
      table[i]!.push(ways[0]!);
    }
  }
  return table[a.length]![b.length]!;
}
