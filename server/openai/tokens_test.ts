import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../lib/random.ts";
import {
  countTokens,
  pseudoTokens,
  textOfIds,
  tokenId,
  tokensOf,
} from "./tokens.ts";

const text = fc.string({ unit: "grapheme", maxLength: 60 });

Deno.test("tokensOf() cuts a text into words and long words into pieces", () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["Hello there", ["Hello", " there"]],
    ["a  b\nc", ["a", "  b", "\nc"]],
    ["internationally so", ["intern", "ationa", "lly", " so"]],
    ["żółć gęślą", ["żół", "ć", " gęś", "lą"]],
    ["👍👍", ["👍", "👍"]],
  ];
  for (const [whole, tokens] of cases) {
    assert.deepEqual(tokensOf(whole), tokens);
  }
});

Deno.test("tokensOf() and textOfIds() lose nothing", () => {
  fc.assert(fc.property(text, (text) => {
    const sound = text.toWellFormed();
    const tokens = tokensOf(sound);
    assert.equal(tokens.join(""), sound);
    const ids = tokens.map(tokenId);
    assert.ok(ids.every((id) => Number.isSafeInteger(id) && id >= 256));
    assert.equal(textOfIds(ids), sound);
  }));
});

Deno.test("pseudoTokens() makes exactly as many tokens as their text has", () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(), fc.boolean(), (count, seed, goesOn) => {
      const tokens = pseudoTokens(count, random(seed, "test"), goesOn);
      assert.equal(tokens.length, count);
      assert.equal(countTokens(tokens.join("")), count);
      assert.deepEqual(
        pseudoTokens(count, random(seed, "test"), goesOn),
        tokens,
      );
    }),
  );
});

Deno.test("textOfIds() leaves out ids that are not of a token", () => {
  const none = [Infinity, -1, 1e300, NaN, 2.5, "x"];
  assert.equal(textOfIds([...none, tokenId("Hello")]), "Hello");
});
