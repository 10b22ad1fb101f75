import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesOf, joinBytes, jsonItems, jsonParts } from "./json.ts";

/** Replaces bytes in a value by their text. */
function withTexts(value: unknown): unknown {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (Array.isArray(value)) return value.map(withTexts);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, withTexts(field)]),
  );
}

Deno.test("jsonParts() encodes values as JSON.stringify() does, and bytes as their text", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.base64String().map(bytesOf),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value")),
      fc.dictionary(fc.string(), tie("value")),
    ),
  }));
  fc.assert(fc.property(value, (value) => {
    const written = new TextDecoder().decode(joinBytes(jsonParts(value)));
    assert.equal(written, JSON.stringify(withTexts(value)) ?? "null");
  }));
});

Deno.test("jsonParts() passes bytes on uncopied and everything else in as few parts as possible", () => {
  const bytes = bytesOf("AQID");
  const parts = jsonParts({ a: [1, { b: 2 }], data: bytes, c: { d: "é" } });
  assert.ok(parts.includes(bytes));
  assert.deepEqual(parts.filter((part) => part !== bytes), [
    "{",
    '"a":',
    '[1,{"b":2}]',
    ",",
    '"data":',
    '"',
    '"',
    ",",
    '"c":',
    '{"d":"é"}',
    "}",
  ]);
});

Deno.test("jsonItems() separates items with commas", () => {
  const written = joinBytes(jsonItems([1, "a", bytesOf("b"), { c: [] }]));
  assert.equal(new TextDecoder().decode(written), '1,"a","b",{"c":[]}');
  assert.deepEqual(jsonItems([]), []);
});
