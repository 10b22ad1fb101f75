import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, readBody, splitLines } from "./bytes.ts";

Deno.test("splitLines() divides bytes after each line feed, however they are chunked", async () => {
  const chunks = fc.array(
    fc.array(fc.constantFrom(10, 13, 65), { maxLength: 6 })
      .map((bytes) => Uint8Array.from(bytes)),
  );
  await fc.assert(fc.asyncProperty(chunks, async (chunks) => {
    const source = (async function* () {
      yield* chunks;
    })();
    const lines = await Array.fromAsync(splitLines(source));
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const text = decode(concatBytes(chunks));
    assert.deepEqual(
      lines.map(decode),
      text.split(/(?<=\n)/).filter((line) => line !== ""),
    );
  }));
});

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
