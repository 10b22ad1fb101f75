import assert from "node:assert/strict";
import { sample } from "../testing/sample.ts";
import type { Outcome } from "../sample.ts";
import { errorRate, quality } from "./quality.ts";
import { characterErrors, wordErrors } from "./wer.ts";

function said(reference: string | undefined, text: string | undefined) {
  return sample({
    input: { ...(reference !== undefined && { reference }) },
    output: { ...(text !== undefined && { text }) },
  });
}

Deno.test("errorRate() pools errors over all texts, which is not the mean of their rates", () => {
  const sum = errorRate(wordErrors, "basic");
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

Deno.test("errorRate() counts what is said over an empty reference apart", () => {
  const sum = errorRate(wordErrors, "none");
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

Deno.test("errorRate() takes a reference as empty if nothing is left of it", () => {
  const sum = errorRate(characterErrors, "basic");
  sum.add("[noise]", "hm");
  assert.equal(sum.rate()?.value, undefined);
  assert.equal(sum.rate()?.emptyReferenceInsertions, 2);
});

Deno.test("errorRate() has no rate before anything was compared", () => {
  assert.equal(errorRate(wordErrors, "none").rate(), undefined);
});

Deno.test("quality() takes an empty or missing answer as all deletions", () => {
  const all = quality("basic");
  all.add(said("one two", ""));
  all.add(said("three", undefined));
  const { wer, cer } = all.result();
  assert.deepEqual([wer?.value, wer?.d, wer?.n], [1, 3, 3]);
  assert.deepEqual([cer?.value, cer?.d, cer?.n], [1, 11, 11]);
});

Deno.test("quality() passes over samples that failed or have no reference", () => {
  const all = quality("basic");
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

Deno.test("quality() counts long texts too, each once", () => {
  const all = quality("none");
  const reference = "word ".repeat(1000);
  all.add(said(reference, `${reference}more`));
  all.add(said("short", "short"));
  assert.equal(all.result().wer?.i, 1);
  assert.equal(all.result().wer?.n, 1001);
  assert.equal(all.result().wer?.utterances, 2);
});
