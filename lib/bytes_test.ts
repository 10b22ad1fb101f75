import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, splitLines } from "./bytes.ts";

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
