import assert from "node:assert/strict";
import { repeat } from "./repeat.ts";
import { readAll } from "../tests/support/datasets.ts";

Deno.test("repeat() gives one prompt again and again, each as a session of its own", async () => {
  const options = { text: "Say one word", maxOutputTokens: 8 };
  const sessions = await readAll(repeat(options), { take: 1000 });
  assert.equal(new Set(sessions.map(({ id }) => id)).size, 1000);
  const turn = { columns: { text: "Say one word" }, maxOutputTokens: 8 };
  for (const { turns } of sessions) assert.deepEqual(turns, [turn]);
});

Deno.test("repeat() ends when the run needs no more", async () => {
  const signal = AbortSignal.abort();
  assert.deepEqual(await readAll(repeat({ text: "a" }), { signal }), []);
});
