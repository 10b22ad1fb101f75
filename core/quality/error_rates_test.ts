import assert from "node:assert/strict";
import { sample } from "../../tests/support/sample.ts";
import type { Outcome } from "../sample.ts";
import { finish } from "../../lib/alignment.ts";
import { type NormalizerName, normalizers } from "./normalize.ts";
import { ErrorRateSum, Quality } from "./error_rates.ts";
import { characterErrors, type CountErrors, wordErrors } from "./wer.ts";

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
