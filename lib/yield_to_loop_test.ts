import assert from "node:assert/strict";
import { yieldToLoop } from "./yield_to_loop.ts";

Deno.test("yieldToLoop() lets timers that are due run first", async () => {
  let isRun = false;
  setTimeout(() => isRun = true);
  await yieldToLoop();
  assert.ok(isRun);
});
