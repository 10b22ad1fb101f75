import assert from "node:assert/strict";
import { distance } from "fastest-levenshtein";
import { random } from "../../lib/random.ts";
import { withErrors } from "./words.ts";

/** Word errors between two texts: the words are coded as characters for a string distance. */
function wordErrors(said: readonly string[], meant: readonly string[]): number {
  const codes = new Map<string, string>();
  const coded = (words: readonly string[]) =>
    words.map((word) => {
      const code = codes.get(word) ?? String.fromCharCode(0x100 + codes.size);
      codes.set(word, code);
      return code;
    }).join("");
  return distance(coded(said), coded(meant));
}

Deno.test("withErrors() gives the word error rate that was asked for", () => {
  const meant = Array.from({ length: 5000 }, (_, i) => `w${i % 97}`);
  for (const rate of [0.02, 0.1, 0.3]) {
    const chance = random(11, `errors ${rate}`);
    const said = meant.flatMap((word) =>
      withErrors(word, { rate, random: chance })
    );
    const measured = wordErrors(said, meant) / meant.length;
    const deviation = 4 * Math.sqrt(rate * (1 - rate) / meant.length);
    assert.ok(
      Math.abs(measured - rate) < deviation + rate * rate / 10,
      `${measured} of ${rate}`,
    );
  }
});

Deno.test("withErrors() changes nothing at rate 0 and every word at rate 1", () => {
  const chance = random(1, "edges");
  for (let i = 0; i < 200; i++) {
    assert.deepEqual(withErrors("word", { rate: 0, random: chance }), ["word"]);
    const said = withErrors("word", { rate: 1, random: chance });
    assert.ok(said.length !== 1 || said[0] !== "word", said.join(" "));
  }
});
