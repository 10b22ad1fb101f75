import assert from "node:assert/strict";
import fc from "fast-check";
import { plainJson, visible, visibleJson } from "./safe_text.ts";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      ...'\0\x07\x1b\r\n\t\x7f\x80\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\\"ab',
    ),
  }),
);

/** Line feeds and spaces are those of an indented document. */
const STEERS = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

Deno.test("plainJson() contains no control characters and is equal when parsed", () => {
  fc.assert(fc.property(
    fc.dictionary(text, fc.array(text)),
    fc.constantFrom(0, 2),
    (value, indent) => {
      const json = plainJson(value, indent);
      assert.doesNotMatch(json, STEERS);
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
    },
  ));
});

Deno.test("visibleJson() escapes C1 controls and direction overrides", () => {
  assert.equal(
    visibleJson(JSON.stringify("\x9b31m \u202etxt.exe\x7f")),
    '"\\u009b31m \\u202etxt.exe\\u007f"',
  );
});

Deno.test("visible() does not change a text without control characters", () => {
  const plain = "two\n\tlines: Grüße, 日本 🎉 עברית\u200f";
  assert.equal(visible(plain), plain);
});
