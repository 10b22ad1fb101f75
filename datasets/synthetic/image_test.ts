import assert from "node:assert/strict";
import { crc32, inflateSync } from "node:zlib";
import fc from "fast-check";
import { encodePng, syntheticImage } from "./image.ts";

/** The chunks of a PNG file by type; their checksums hold. */
function chunksOf(file: Uint8Array): Map<string, Uint8Array> {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  assert.deepEqual([...file.subarray(0, 8)], signature);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const chunks = new Map<string, Uint8Array>();
  let at = 8;
  while (at < file.length) {
    const end = at + 8 + view.getUint32(at);
    const type = new TextDecoder().decode(file.subarray(at + 4, at + 8));
    assert.equal(view.getUint32(end), crc32(file.subarray(at + 4, end)), type);
    chunks.set(type, file.subarray(at + 8, end));
    at = end + 4;
  }
  return chunks;
}

/** Width, height and pixels of a PNG file without filters. */
function decode(file: Uint8Array) {
  const chunks = chunksOf(file);
  assert.deepEqual([...chunks.keys()], ["IHDR", "IDAT", "IEND"]);
  const header = chunks.get("IHDR")!;
  const view = new DataView(header.buffer, header.byteOffset);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  assert.deepEqual([...header.subarray(8)], [8, 2, 0, 0, 0]);
  const lines = inflateSync(chunks.get("IDAT")!);
  const lineBytes = width * 3 + 1;
  assert.equal(lines.length, height * lineBytes);
  const rgb = [...lines].filter((_, i) => i % lineBytes !== 0);
  assert.ok(lines.every((x, i) => i % lineBytes !== 0 || x === 0));
  return { width, height, rgb };
}

Deno.test("encodePng() writes files that decode to the same pixels", async () => {
  const pixels = fc.tuple(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 20 }),
  ).chain(([width, height]) => {
    const bytes = width * height * 3;
    return fc.uint8Array({ minLength: bytes, maxLength: bytes })
      .map((rgb) => ({ width, height, rgb: Uint8Array.from(rgb) }));
  });
  await fc.assert(
    fc.asyncProperty(pixels, fc.boolean(), async (pixels, isRegular) => {
      const { width, height, rgb } = pixels;
      const lines = Uint8Array.from(
        { length: height * (1 + 3 * width) },
        (_, i) => {
          const [y, at] = [
            Math.floor(i / (1 + 3 * width)),
            i % (1 + 3 * width),
          ];
          return at === 0 ? 0 : rgb[y * 3 * width + at - 1]!;
        },
      );
      const file = await encodePng({ width, height, lines }, isRegular ? 6 : 0);
      assert.deepEqual(decode(file), { width, height, rgb: [...rgb] });
    }),
    { numRuns: 30 },
  );
});

Deno.test("syntheticImage() makes one image after the other, and yields to other work", async () => {
  const order: string[] = [];
  const make = async (id: string) => {
    const size = { width: 512, height: 512 };
    await syntheticImage({ id, ...size, content: "noise", seed: 1 }).file();
    order.push(id);
  };
  const others = setInterval(() => order.push("other"), 0);
  await Promise.all([make("a"), make("b")]);
  clearInterval(others);
  assert.deepEqual(order.filter((each) => each !== "other"), ["a", "b"]);
  assert.ok(order.indexOf("other") < order.indexOf("a"));
});

for (const content of ["gradient", "noise"] as const) {
  Deno.test(`syntheticImage() makes a ${content} that depends on id and seed only`, async () => {
    const wanted = { id: "a", width: 64, height: 48, content, seed: 1 };
    const file = (others = {}) =>
      syntheticImage({ ...wanted, ...others }).file();
    const { bytes, mediaType, name } = await file();
    assert.deepEqual([mediaType, name], ["image/png", "a.png"]);
    const { width, height, rgb } = decode(bytes);
    assert.deepEqual([width, height], [64, 48]);
    assert.deepEqual((await file()).bytes, bytes);
    for (const others of [{ seed: 2 }, { id: "b" }]) {
      assert.notDeepEqual((await file(others)).bytes, bytes);
    }
    assert.ok(new Set(rgb).size > 20);
    const isIncompressible = bytes.length > 64 * 48 * 3;
    assert.equal(isIncompressible, content === "noise");
  });
}
