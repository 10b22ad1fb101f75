import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { strictUtf8 } from "./text.ts";

/** The text of bytes that come in pieces; `undefined` where some are no UTF-8. */
function decoded(bytes: Buffer, cuts: readonly number[]): string | undefined {
  const decoder = strictUtf8();
  const places = cuts.map((cut) => cut % (bytes.length + 1))
    .toSorted((a, b) => a - b);
  let whole = "";
  for (const [i, to] of [...places, bytes.length].entries()) {
    const { text, broken } = decoder.read(
      bytes.subarray(places[i - 1] ?? 0, to),
    );
    if (broken !== undefined) return undefined;
    whole += text;
  }
  return decoder.end() === "" ? whole : undefined;
}

/** What the platform's own decoder says. */
function known(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const cuts = fc.array(fc.nat(200), { maxLength: 8 });

Deno.test("strictUtf8() decodes any text however it is cut, U+FFFD included", () => {
  const text = fc.string({ unit: "binary", maxLength: 30 })
    .map((text) => `${text}\uFFFD${text}`.toWellFormed());
  fc.assert(fc.property(text, fc.boolean(), cuts, (text, hasMark, cuts) => {
    const bytes = Buffer.from((hasMark ? "\uFEFF" : "") + text);
    assert.equal(decoded(bytes, cuts), known(bytes));
  }));
});

Deno.test("strictUtf8() finds bytes that are no UTF-8 however they are cut", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 6 }).map((text) =>
      new Uint8Array(Buffer.from(text))
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), cuts, (parts, cuts) => {
      const bytes = Buffer.concat(parts);
      assert.equal(decoded(bytes, cuts), known(bytes));
    }),
    { numRuns: 500 },
  );
});

Deno.test("strictUtf8() gives what stands before a broken line, and what can be made of the rest", () => {
  const bytes = Buffer.concat([
    Buffer.from("\uFFFD a\nb\r"),
    Buffer.from([0x63, 0xff, 0x0a]),
    Buffer.from("d"),
  ]);
  assert.deepEqual(strictUtf8().read(bytes), {
    text: "\uFFFD a\nb\r",
    broken: "c\uFFFD\nd",
  });
});
