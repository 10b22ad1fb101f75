import assert from "node:assert/strict";
import fc from "fast-check";
import { nearest } from "./nearest.ts";

Deno.test("nearest() finds what was meant, and nothing where nothing is near", () => {
  const names = ["dialect", "speed", "chunkMs", "transport", "apiKeyEnv"];
  const cases: [string, string | undefined][] = [
    ["dialekt", "dialect"],
    ["Speed", "speed"],
    ["sped", "speed"],
    ["chunk", "chunkMs"],
    ["chunkms", "chunkMs"],
    ["transprot", "transport"],
    ["apiKey", "apiKeyEnv"],
    ["banana", undefined],
    ["x", undefined],
    ["", undefined],
  ];
  for (const [name, found] of cases) {
    assert.equal(nearest(name, names), found, name);
  }
});

Deno.test("nearest() gives a candidate that is not the name itself, or nothing", () => {
  fc.assert(
    fc.property(fc.string(), fc.uniqueArray(fc.string()), (name, names) => {
      const found = nearest(name, names);
      assert.ok(found === undefined || names.includes(found));
      assert.equal(nearest(name, [name, ...names]), undefined);
    }),
  );
});
