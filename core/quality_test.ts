import type { NormalizerName } from "./config.ts";
import assert from "node:assert/strict";
import { sample } from "../tests/support/sample.ts";
import type { Outcome } from "./sample.ts";
import { finish } from "../lib/alignment.ts";
import {
  characterErrors,
  type CountErrors,
  type EditCounts,
  ErrorRateSum,
  normalizers,
  Quality,
  wordErrors,
} from "./quality.ts";
import fc from "fast-check";
import { distance as levenshtein } from "fastest-levenshtein";

function summed(count: CountErrors, normalizer: NormalizerName) {
  const sum = new ErrorRateSum(normalizer);
  return {
    add: (reference: string, hypothesis: string) =>
      sum.add(finish(count(reference, hypothesis, normalizers[normalizer]))),
    rate: () => sum.rate(),
  };
}

function said(reference: string | undefined, text: string | undefined) {
  return sample({
    input: { ...(reference !== undefined && { reference }) },
    output: { ...(text !== undefined && { text }) },
  });
}

Deno.test("ErrorRateSum pools errors over all texts, which is not the mean of their rates", () => {
  const sum = summed(wordErrors, "basic");
  sum.add("One.", "two");
  sum.add(
    "one two three four five six seven",
    "one two three four five six seven",
  );
  assert.deepEqual(sum.rate(), {
    value: 1 / 8,
    s: 1,
    d: 0,
    i: 0,
    n: 8,
    normalizer: "basic",
    utterances: 2,
    emptyReferenceInsertions: 0,
  });
});

Deno.test("ErrorRateSum counts what is said over an empty reference apart", () => {
  const sum = summed(wordErrors, "none");
  sum.add("", "thank you");
  assert.deepEqual(sum.rate(), {
    s: 0,
    d: 0,
    i: 0,
    n: 0,
    normalizer: "none",
    utterances: 1,
    emptyReferenceInsertions: 2,
  });
  sum.add("yes", "oh yes");
  assert.equal(sum.rate()?.value, 1);
  assert.equal(sum.rate()?.emptyReferenceInsertions, 2);
});

Deno.test("ErrorRateSum takes a reference as empty if nothing is left of it", () => {
  const sum = summed(characterErrors, "basic");
  sum.add("[noise]", "hm");
  assert.equal(sum.rate()?.value, undefined);
  assert.equal(sum.rate()?.emptyReferenceInsertions, 2);
});

Deno.test("ErrorRateSum has no rate before anything was compared", () => {
  assert.equal(summed(wordErrors, "none").rate(), undefined);
});

Deno.test("Quality takes an empty or missing answer as all deletions", () => {
  const all = new Quality("basic");
  all.add(said("one two", ""));
  all.add(said("three", undefined));
  const { wer, cer } = all.result();
  assert.deepEqual([wer?.value, wer?.d, wer?.n], [1, 3, 3]);
  assert.deepEqual([cer?.value, cer?.d, cer?.n], [1, 11, 11]);
});

Deno.test("Quality passes over samples that failed or have no reference", () => {
  const all = new Quality("basic");
  const failure = { class: "server_error", message: "Queue full" };
  const ends: Outcome[] = [
    { status: "error", failure },
    { status: "cancelled", failure },
  ];
  for (const outcome of ends) {
    all.add({ ...said("one two", "one"), outcome });
  }
  all.add(said(undefined, "words"));
  assert.deepEqual(all.result(), {});
});

Deno.test("Quality counts long texts too, each once", () => {
  const all = new Quality("none");
  const reference = "word ".repeat(1000);
  all.add(said(reference, `${reference}more`));
  all.add(said("short", "short"));
  assert.equal(all.result().wer?.i, 1);
  assert.equal(all.result().wer?.n, 1001);
  assert.equal(all.result().wer?.utterances, 2);
});

Deno.test("Quality compares long texts in slices, with the same result for every caller", () => {
  const [one, other] = ["a", "b"].map((letter) =>
    Array.from({ length: 6000 }, (_, i) => `${letter}${i % 37}`).join(" ")
  );
  const all = new Quality("none");
  all.add(said(one, other));
  all.add(said(one, one));
  let slices = 0;
  for (const _ of all.work()) if (++slices === 3) break;
  assert.equal(slices, 3, "more than one slice");
  assert.deepEqual(
    [all.result().wer?.s, all.result().wer?.n, all.result().wer?.utterances],
    [6000, 12_000, 2],
  );
});

Deno.test("Quality leaves a text that it gives up out of both rates", () => {
  const all = new Quality("none");
  const text = "word ".repeat(5000);
  all.add(said("short", "short"));
  all.add(said(text, "other ".repeat(5000)));
  const work = all.work();
  for (let i = 0; i < 3; i++) assert.equal(work.next().done, false);
  all.giveUp();
  assert.equal(work.next().done, true);
  const { wer, cer } = all.result();
  assert.deepEqual([wer?.utterances, cer?.utterances], [1, 1]);
});

Deno.test("Quality asks to be worked off, and keeps no more texts than it may", () => {
  const all = new Quality("none", { maxWaiting: 10_000 });
  const text = "x".repeat(600);
  assert.equal(all.isPressed, false);
  for (let i = 0; i < 100; i++) all.add(said(text, text));
  assert.equal(all.isPressed, true);
  assert.equal(all.result().wer?.utterances, 9, "9 × 1200 characters");
  assert.equal(all.isPressed, false);
});

const { none, basic } = normalizers;

function words(...texts: Parameters<CountErrors>): EditCounts {
  return finish(wordErrors(...texts));
}

function characters(...texts: Parameters<CountErrors>): EditCounts {
  return finish(characterErrors(...texts));
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
    const counts = words(reference, hypothesis, none);
    assert.deepEqual(counts, { ...expected, n: 6 }, hypothesis);
  }
});

Deno.test("wordErrors() prefers the way with the most words right among the shortest", () => {
  assert.deepEqual(words("a b", "b c", none), { s: 0, d: 1, i: 1, n: 2 });
  assert.deepEqual(words("a b c", "c x y", none), {
    s: 3,
    d: 0,
    i: 0,
    n: 3,
  }, "keeping c would take four");
});

Deno.test("wordErrors() cuts at white space of any kind and length", () => {
  const counts = words("  one\ttwo\n three ", "one\u00a0two  three", none);
  assert.deepEqual(counts, { s: 0, d: 0, i: 0, n: 3 });
});

Deno.test("wordErrors() normalizes both texts first", () => {
  const counts = words("Hello, world!", "hello WORLD", basic);
  assert.deepEqual(counts, { s: 0, d: 0, i: 0, n: 2 });
  assert.equal(words("Hello, world!", "hello WORLD", none).s, 2);
});

Deno.test("wordErrors() takes an empty reference as no words, all insertions", () => {
  const counts = words(" ", "so much noise", none);
  assert.deepEqual(counts, { s: 0, d: 0, i: 3, n: 0 });
});

Deno.test("wordErrors() and characterErrors() find the Levenshtein distance, as another implementation does", () => {
  fc.assert(fc.property(texts, texts, (reference, hypothesis) => {
    const expected = levenshtein(reference, hypothesis);
    const byWord = words(spaced(reference), spaced(hypothesis), none);
    assert.equal(byWord.s + byWord.d + byWord.i, expected);
    assert.equal(byWord.n, reference.length);
    assert.deepEqual(characters(reference, hypothesis, none), byWord);
  }));
});

Deno.test("wordErrors() stays within what lengths allow, and turns d into i when the texts change places", () => {
  fc.assert(fc.property(texts, texts, (reference, hypothesis) => {
    const { s, d, i, n } = words(
      spaced(reference),
      spaced(hypothesis),
      none,
    );
    const m = hypothesis.length;
    assert.ok(Math.abs(n - m) <= s + d + i && s + d + i <= Math.max(n, m));
    assert.ok(s >= 0 && d >= 0 && i >= 0 && s + d <= n && s + i <= m);
    assert.equal(n - d, m - i, "the rest has one length");
    assert.deepEqual(
      words(spaced(hypothesis), spaced(reference), none),
      { s, d: i, i: d, n: m },
    );
  }));
});

Deno.test("wordErrors() has no errors in a text and itself, and only deletions in nothing", () => {
  fc.assert(fc.property(texts.map(spaced), (text) => {
    const { n, ...same } = words(text, text, none);
    assert.deepEqual(same, { s: 0, d: 0, i: 0 });
    assert.deepEqual(words(text, "", none), { s: 0, d: n, i: 0, n });
  }));
});

Deno.test("wordErrors() agrees with a plain full table on s, d and i", () => {
  fc.assert(fc.property(texts, texts, (reference, hypothesis) => {
    const { s, d, i } = words(
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
  const counts = words(reference.join(" "), hypothesis.join(" "), none);
  assert.deepEqual(counts, { s: 100, d: 100, i: 100, n: 10_000 });
});

Deno.test("wordErrors() compares texts of very different length", () => {
  const reference = Array.from({ length: 40_000 }, (_, i) => `w${i}`).join(" ");
  const counts = words(reference, "w5 wrong w9", none);
  assert.deepEqual(counts, { s: 1, d: 39_997, i: 0, n: 40_000 });
});

Deno.test("characterErrors() counts code points and leaves spaces out", () => {
  assert.deepEqual(characters("a b c", "abc", none), {
    s: 0,
    d: 0,
    i: 0,
    n: 3,
  });
  assert.deepEqual(characters("日本語😀", "日本话😀", none), {
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

Deno.test("normalizers.none changes nothing", () => {
  const text = "  Hello,\tWORLD! [e\u0301] ";
  assert.equal(none(text), text);
});

Deno.test("normalizers.basic applies its rules", () => {
  const cases: [string, string][] = [
    ["Hello, World!", "hello world"],
    ["don't stop", "don t stop"],
    ["[laughter] so (he said) <unk> yes", "so yes"],
    ["a (b) c () d", "a c d"],
    ["[open (and never closed", "open and never closed"],
    ["[mixed> brackets", "brackets"],
    ["5 % of $20 = 1", "5 of 20 1"],
    ["ﬁne ＡＢＣ ½", "fine abc 1 2"],
    ["e\u0301te\u0301", "été"],
    ["q\u0301", "q"],
    ["Straße ŁÓDŹ", "straße łódź"],
    ["  many \t\n spaces\u00a0here ", "many spaces here"],
    ["日本語、です。", "日本語 です"],
    ["…!?", ""],
    ["", ""],
  ];
  for (const [text, expected] of cases) assert.equal(basic(text), expected);
});

Deno.test("normalizers.basic leaves nothing to do a second time", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const once = basic(text);
    assert.equal(basic(once), once);
    assert.equal(once, once.trim());
    assert.ok(!/[\p{P}\p{S}\p{M}]|\s\s/u.test(once), once);
  }));
});

/** The rules as they are written down, each a regular expression: slow on hostile texts. */
function reference(text: string): string {
  return text.toLowerCase()
    .replace(/[<[][^>\]]*[>\]]/gu, "")
    .replace(/\([^)]+\)/gu, "")
    .normalize("NFKC")
    .replace(/[\p{M}\p{S}\p{P}]/gu, " ")
    .toLowerCase()
    .replace(/\s+/gu, " ")
    .trim();
}

Deno.test("normalizers.basic equals its rules in regular expressions on any text", () => {
  const brackets = fc.string({
    unit: fc.constantFrom("(", ")", "[", "]", "<", ">", "a", " ", "\n"),
    maxLength: 60,
  });
  const letters = fc.string({
    unit: fc.constantFrom(
      "a",
      "É",
      "\u0301",
      "\u0327",
      "\u3099",
      "カ",
      "ﷺ",
      "İ",
      "Σ",
      "(",
      ")",
    ),
    maxLength: 25,
  });
  const any = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(brackets, letters, any), (text) => {
      assert.equal(basic(text), reference(text));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("normalizers.basic takes time in proportion to the text, whatever is in it", () => {
  const count = 200_000;
  const hostile = {
    "opening parentheses": ["(".repeat(count), ""],
    "empty parentheses": ["()".repeat(count), ""],
    "opening tags": ["<".repeat(count), ""],
    "nested brackets": ["[(".repeat(count), ""],
    "a mark of one kind": [`a${"\u0301".repeat(count)}b`, "á b"],
    "marks that change places": [`a${"\u0315\u0300".repeat(count)}b`, "à b"],
    "white space": [`a${" ".repeat(count)}b`, "a b"],
    "sigmas": ["ΑΣ".repeat(count), "ασ".repeat(count - 1) + "ας"],
  };
  for (const [what, [text, expected]] of Object.entries(hostile)) {
    // Quadratic time would be minutes: a test that hangs is one that fails.
    assert.equal(basic(text!), expected, what);
  }
});

Deno.test("intervals of error rates come from batches of requests", () => {
  const quality = new Quality("basic");
  for (let id = 0; id < 200; id++) {
    quality.add(sample({
      id,
      input: { reference: "one two three four" },
      output: {
        text: id % 3 === 0 ? "one too three four" : "one two three four",
      },
    }));
  }
  const { wer, cer } = quality.intervals(0.95);
  const { value } = quality.result().wer!;
  assert.ok(wer!.lower < value! && value! < wer!.upper);
  assert.ok(cer!.lower > 0 && cer!.upper < wer!.upper);
  assert.deepEqual(new Quality("basic").intervals(0.95), {});
});
