import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../plugins/mod.ts";
import { drawWord, openingsOf, wordOfLength, WORDS } from "./words.ts";

Deno.test("WORDS are 512 different words in lower case, of every length from 1 to 10", () => {
  assert.equal(WORDS.length, 512);
  assert.equal(new Set(WORDS).size, 512);
  for (const word of WORDS) assert.match(word, /^[a-z]{1,10}$/);
  for (let length = 1; length <= 10; length++) {
    assert.equal(wordOfLength(length, random(1, "x")).length, length);
  }
});

Deno.test("drawWord() gives about four characters a token, if every word and every full stop is a token", () => {
  const chance = random(1, "words");
  const words = Array.from({ length: 20_000 }, () => drawWord(chance));
  const stops = words.filter((word) => word.endsWith(".")).length;
  const perToken = words.join(" ").length / (words.length + stops);
  assert.ok(perToken > 3.8 && perToken < 4.6, `${perToken}`);
});

Deno.test("openingsOf() gives no two texts the same three words", () => {
  for (const seed of [1, 2, 2 ** 40]) {
    const opening = openingsOf(seed);
    const seen = new Set<string>();
    for (let n = -1000; n < 50_000; n++) seen.add(opening(n).join(" "));
    assert.equal(seen.size, 51_000);
  }
});

Deno.test("openingsOf() gives no two of 512 consecutive texts the same first word", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: -1e12, max: 1e12 }),
      (seed, from) => {
        const opening = openingsOf(seed);
        const firsts = Array.from(
          { length: 512 },
          (_, i) => opening(from + i)[0],
        );
        assert.equal(new Set(firsts).size, 512);
      },
    ),
  );
});

Deno.test("openingsOf() begins at another place for another seed", () => {
  const firsts = Array.from(
    { length: 50 },
    (_, seed) => openingsOf(seed)(0).join(),
  );
  assert.equal(new Set(firsts).size, 50);
  assert.deepEqual(openingsOf(7)(3), openingsOf(7)(3));
});
