import assert from "node:assert/strict";
import { warnOnce } from "./warn_once.ts";

Deno.test("warnOnce() passes on the first message of each topic", () => {
  const warnings: string[] = [];
  const warn = warnOnce((message) => warnings.push(message));
  warn("input", "no input tokens");
  warn("output", "no output tokens");
  warn("input", "no input tokens again");
  assert.deepEqual(warnings, ["no input tokens", "no output tokens"]);
});
