import assert from "node:assert/strict";
import { fieldOf, objectsIn, textOf, tryJson } from "./json.ts";

Deno.test("tryJson() parses JSON and returns undefined for any other text", () => {
  assert.deepEqual(tryJson('{"a":1}'), { a: 1 });
  assert.equal(tryJson("{"), undefined);
});

Deno.test("fieldOf(), objectsIn() and textOf() accept any value", () => {
  assert.equal(fieldOf({ a: 1 }, "a"), 1);
  for (const other of [null, [1], "a", 1, undefined]) {
    assert.equal(fieldOf(other, "a"), undefined);
  }
  assert.deepEqual(objectsIn([{ a: 1 }, null, [2], "b"]), [{ a: 1 }]);
  assert.deepEqual(objectsIn({ a: 1 }), []);
  assert.deepEqual(["a", 1].map(textOf), ["a", undefined]);
});
