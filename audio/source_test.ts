import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesFrom, bytesSource, fileSource } from "./source.ts";
import { fixture } from "../tests/support/signals.ts";

const PATH = new URL("testdata/chirp.mp3", import.meta.url).pathname;
const BYTES = fixture("chirp.mp3");

const range = fc.tuple(fc.nat(BYTES.length + 50), fc.nat(2000));

Deno.test("fileSource() reads any part of a file, in any order", async () => {
  await using opened = await fileSource(PATH).open();
  assert.equal(opened.size, BYTES.length);
  await fc.assert(fc.asyncProperty(range, async ([start, length]) => {
    const end = start + length;
    assert.deepEqual(await opened.read(start, end), BYTES.slice(start, end));
  }));
});

Deno.test("fileSource() reads the right bytes after a read of none", async () => {
  await using opened = await fileSource(PATH).open();
  assert.deepEqual(await opened.read(100, 100), new Uint8Array());
  assert.deepEqual(await opened.read(100, 120), BYTES.slice(100, 120));
  assert.deepEqual(
    await opened.read(BYTES.length, BYTES.length + 9),
    new Uint8Array(),
  );
  assert.deepEqual(await opened.read(120, 130), BYTES.slice(120, 130));
});

for (const at of [0, 700]) {
  Deno.test(`bytesFrom() answers the same as the bytes from ${at} on`, async () => {
    await using opened = await fileSource(PATH).open();
    const later = BYTES.slice(at);
    const from = bytesFrom(opened, at, later.slice(0, 1000));
    assert.equal(from.size, later.length);
    await fc.assert(fc.asyncProperty(range, async ([start, length]) => {
      const end = start + length;
      assert.deepEqual(await from.read(start, end), later.slice(start, end));
    }));
  });
}

Deno.test("bytesSource() returns copies, so that its own bytes stay whole", async () => {
  const bytes = Uint8Array.of(1, 2, 3);
  await using opened = await bytesSource(bytes, "a").open();
  const read = await opened.read(0, 3);
  structuredClone(read, { transfer: [read.buffer] });
  assert.deepEqual(await opened.read(1, 9), Uint8Array.of(2, 3));
});

Deno.test("fileSource() and bytesSource() have their name as id by default", () => {
  assert.equal(fileSource("a/b.wav").id, "a/b.wav");
  assert.equal(fileSource("a/b.wav", { id: "b" }).id, "b");
  assert.equal(bytesSource(new Uint8Array(), "c").id, "c");
});
