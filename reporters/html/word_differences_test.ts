import assert from "node:assert/strict";
import fc from "fast-check";
import { wordErrors } from "../../core/quality.ts";
import { finish } from "../../lib/alignment.ts";
import { countErrors, wordDifferences } from "./word_differences.ts";

const words = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });

Deno.test("wordDifferences() has the substitutions, deletions and insertions of the word error rate", () => {
  fc.assert(fc.property(words, words, (a, b) => {
    const differences = wordDifferences(a, b);
    const count = (kind: string) =>
      differences.filter(([each]) => each === kind).length;
    const { s, d, i } = finish(
      wordErrors(a.join(" "), b.join(" "), (text) => text),
    );
    assert.deepEqual(
      [count("substituted"), count("deleted"), count("inserted")],
      [s, d, i],
    );
    assert.equal(countErrors(differences), s + d + i);
  }));
});

Deno.test("wordDifferences() has the words of both texts in order", () => {
  fc.assert(fc.property(words, words, (a, b) => {
    const differences = wordDifferences(a, b);
    const [left, right]: string[][] = [[], []];
    for (const difference of differences) {
      const [kind, first] = difference;
      if (kind !== "inserted") left!.push(first);
      if (kind === "substituted") right!.push(difference[2]);
      else if (kind !== "deleted") right!.push(first);
    }
    assert.deepEqual([left, right], [a, b]);
  }));
});
