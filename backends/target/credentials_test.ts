import assert from "node:assert/strict";
import { cleaner } from "./credentials.ts";

Deno.test("cleaner() takes every secret out, the longest first", () => {
  const clean = cleaner(["sk-abc", "sk-abc-123", ""]);
  assert.equal(clean("bad key sk-abc-123, not sk-abc"), "bad key ***, not ***");
});

Deno.test("cleaner() leaves alone what is too short to be a secret", () => {
  assert.equal(cleaner(["a", "json", "1"])("a json 1"), "a json 1");
});
