import assert from "node:assert/strict";
import fc from "fast-check";
import { addsUp, slicesOf } from "./slices.ts";

const text = fc.string({
  unit: fc.constantFrom("a", "é", "漢", " ", " ", "."),
});

Deno.test("slicesOf() cuts a text before spaces between letters, and loses nothing", () => {
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 20 }), (text, most) => {
    const slices = [...slicesOf(text, most)];
    assert.equal(slices.join(""), text);
    for (const [i, slice] of slices.slice(1).entries()) {
      assert.match(slice, /^ \p{L}/u);
      assert.match(slices[i]!, /\p{L}$/u);
      assert.ok(slices[i]!.length >= most);
    }
  }));
  assert.deepEqual([...slicesOf("one two three", 4)], ["one two", " three"]);
  assert.deepEqual([...slicesOf("")], [""]);
});

Deno.test("addsUp() tells tokenizers that cut at spaces from others", () => {
  const words = (text: string) => text.match(/ ?\S+/g)?.length ?? 0;
  assert.equal(addsUp(words), true);
  assert.equal(addsUp((text) => words(` ${text}`) + 1), false);
  assert.equal(addsUp((text) => Math.ceil(text.length / 4)), false);
});
