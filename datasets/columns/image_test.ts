import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { imageOf, imageType } from "./image.ts";
import { PNG, tempFolder } from "../../tests/support/datasets.ts";

const options = (folder: string) => ({
  folder,
  timeoutMs: 5000,
  signal: new AbortController().signal,
});

const ascii = (text: string) =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("imageType() identifies images by their first bytes", () => {
  const cases: [string, string | undefined][] = [
    ["\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"],
    ["\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"],
    ["GIF89a\x01\0\x01\0", "image/gif"],
    ["GIF87a\x01\0\x01\0", "image/gif"],
    ["RIFF\x24\0\0\0WEBPVP8 ", "image/webp"],
    ["BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "image/bmp"],
    ["\0\0\0\x1cftypavif\0\0\0\0", "image/avif"],
    ["\0\0\0\x18ftypheic\0\0\0\0", "image/heic"],
    ["\0\0\0\x18ftypmif1\0\0\0\0", "image/heic"],
    ["RIFF\x24\0\0\0WAVEfmt ", undefined],
    ["\0\0\0\x18ftypmp42\0\0\0\0", undefined],
    ["BM is no picture, but a word of two letters", undefined],
    ["<svg xmlns='http://www.w3.org/2000/svg'/>", undefined],
    ["GIF", undefined],
    ["", undefined],
  ];
  for (const [head, mediaType] of cases) {
    assert.equal(imageType(ascii(head)), mediaType, head);
  }
});

Deno.test("imageOf() reads an image in every notation, and names its file by its content", async () => {
  await using folder = await tempFolder({ "sub/a.jpg": PNG, "b.PNG": PNG });
  const base64 = PNG.toBase64();
  const named = async (value: unknown) => {
    const image = imageOf(value, options(folder.path));
    const { bytes, mediaType, name } = await image.file();
    assert.deepEqual(Uint8Array.from(bytes), PNG);
    assert.equal(mediaType, "image/png");
    assert.equal(image.url, undefined);
    return [image.id, name];
  };
  assert.deepEqual(await named("sub/a.jpg"), ["sub/a.jpg", "a.png"]);
  assert.deepEqual(await named({ path: "b.PNG", bytes: null }), [
    "b.PNG",
    "b.PNG",
  ]);
  const url = pathToFileURL(folder.at("b.PNG")).href;
  assert.deepEqual(await named({ url }), ["b.PNG", "b.PNG"]);
  const [id, name] = await named(`data:image/png;base64,${base64}`);
  assert.match(id!, /^sha256:[0-9a-f]{16}$/);
  assert.equal(name, `${id!.slice(7)}.png`);
  for (
    const value of [
      base64,
      PNG,
      { bytes: PNG },
      { bytes: base64, path: "x.png" },
      { bytes: [...PNG] },
      { image_url: { url: `data:image/png;base64,${base64}` } },
    ]
  ) assert.deepEqual(await named(value), [id, name]);
});

Deno.test("imageOf() downloads an image when its file is needed, not before", async () => {
  const asked: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return pathname === "/page"
        ? new Response("<html>no such picture</html>")
        : new Response(PNG);
    },
  );
  const base = `http://127.0.0.1:${server.addr.port}`;
  const image = imageOf(`${base}/a?sig=secret`, options("."));
  assert.equal(image.url, `${base}/a?sig=secret`);
  assert.ok(!image.id.includes("secret"));
  assert.deepEqual(asked, []);
  assert.equal((await image.file()).name, "a.png");
  assert.deepEqual(asked, ["/a"]);
  await assert.rejects(
    imageOf(`${base}/page`, options(".")).file(),
    /Error: page: an image must be PNG, .*"<html>no such/,
  );
});

Deno.test("imageOf() refuses other files, and shows their beginning", async () => {
  await using folder = await tempFolder({ "a.png": "a text", "b.png": "" });
  const at = options(folder.path);
  assert.throws(
    () => imageOf(5, at),
    /: image: must be a path, .*, but was 5$/,
  );
  assert.throws(
    () => imageOf({ width: 3 }, at),
    /must have one of.*had width$/,
  );
  assert.throws(
    () => imageOf({ bytes: ascii("\0\x01no").toBase64() }, at),
    /Error: inline image: an image must be .*00016e6f \(4 bytes\)$/,
  );
  const rejected = async (name: string, message: RegExp) =>
    await assert.rejects(imageOf(name, at).file(), message);
  await rejected("a.png", /Error: a\.png: .*"a text" \(6 bytes\)$/);
  await rejected("b.png", /but was empty$/);
  await rejected("c.png", /: cannot read .*c\.png: no such file or directory$/);
});
