import assert from "node:assert/strict";
import { readBody } from "./read_body.ts";

Deno.test("readBody() reads a body up to its limit", async () => {
  const body = new Uint8Array([1, 2, 3]);
  assert.deepEqual(await readBody(new Response(body), 3), body);
  assert.equal((await readBody(new Response(null), 3)).length, 0);
});

Deno.test("readBody() rejects a larger body, and stops reading it", async () => {
  let isCancelled = false;
  const endless = new ReadableStream({
    pull: (to) => to.enqueue(new Uint8Array(10)),
    cancel: () => void (isCancelled = true),
  });
  await assert.rejects(
    readBody(new Response(endless), 25),
    /it must have at most 25 bytes, but has more/,
  );
  assert.ok(isCancelled);
});
