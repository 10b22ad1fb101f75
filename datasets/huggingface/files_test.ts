import assert from "node:assert/strict";
import { tempFolder } from "../../tests/support/datasets.ts";
import { cachedFile, cacheFolder, mediaColumns, remoteBytes } from "./files.ts";
import { type Hub, hubFetch } from "./hub_fetch.ts";

const FILE = Uint8Array.from({ length: 100 }, (_, i) => i);

/** A hub that gives the answers in order. */
function hubWith(
  ...answers: readonly ((start: number, end: number) => Response)[]
) {
  const asked: string[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const range = request.headers.get("range")!;
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
      asked.push(`${start}-${end}`);
      const answer = answers[Math.min(asked.length, answers.length) - 1]!;
      return answer(Number(start), Number(end) + 1);
    },
  );
  const endpoint = new URL(`http://127.0.0.1:${server.addr.port}`);
  const { signal } = new AbortController();
  const options = { endpoint, token: undefined, timeoutMs: 5000, signal };
  const hub: Hub = {
    dataset: "o/x",
    revision: undefined,
    ...options,
    fetch: hubFetch(options),
    tokenEnv: "HF_TOKEN",
  };
  return {
    asked,
    hub,
    bytes: remoteBytes(hub, new URL("/file", endpoint), FILE.length),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const part = (start: number, end: number) =>
  new Response(FILE.slice(start, end), { status: 206 });
const all = () => new Response(FILE);
const status = (status: number) => () =>
  new Response("", { status, headers: { "retry-after": "0" } });

Deno.test("remoteBytes() reads a range, even if the server sends the whole file", async () => {
  for (const answer of [part, all]) {
    await using opened = hubWith(answer);
    assert.deepEqual(await opened.bytes.read(10, 20), FILE.slice(10, 20));
    assert.deepEqual(await opened.bytes.read(5, 5), new Uint8Array());
  }
});

Deno.test("hubFetch() tries three times to read a range if an error may be temporary", async () => {
  for (const code of [429, 500, 503]) {
    await using twice = hubWith(status(code), status(code), part);
    assert.deepEqual(await twice.bytes.read(1, 3), FILE.slice(1, 3));
    await using never = hubWith(status(code));
    await assert.rejects(never.bytes.read(1, 3), new RegExp(`${code}`));
    assert.equal(never.asked.length, 3);
  }
  await using gone = hubWith(status(404));
  await assert.rejects(gone.bytes.read(1, 3), /404/);
  assert.equal(gone.asked.length, 1);
});

Deno.test("hubFetch() stops waiting when it is aborted", async () => {
  const abort = new AbortController();
  await using opened = hubWith(() => {
    abort.abort(new Error("enough"));
    return new Response("", {
      status: 429,
      headers: { "retry-after": "9999" },
    });
  });
  await assert.rejects(opened.bytes.read(1, 3, abort.signal));
  assert.equal(opened.asked.length, 1);
});

Deno.test("remoteBytes() refuses an incomplete range, and shows no signature", async () => {
  await using short = hubWith((start) => part(start, start + 1));
  await assert.rejects(
    short.bytes.read(0, 9),
    /cannot fetch http:.*\/file: bytes 0 to 9 of 100 must arrive, but 1 did with status 206/,
  );
  await using broken = hubWith(() =>
    new Response(null, {
      status: 302,
      headers: { location: "http://127.0.0.1:9/x?signature=secret" },
    })
  );
  await assert.rejects(
    broken.bytes.read(0, 9),
    (error) =>
      error instanceof Error && /cannot fetch/.test(error.message) &&
      !Deno.inspect(error).includes("secret"),
  );
});

const file = { path: "data/a.bin", size: FILE.length, contentId: "oid" };

Deno.test("cachedFile() downloads a content once for all commits, and again if it is damaged", async () => {
  await using folder = await tempFolder();
  await using opened = hubWith(part);
  const { asked, hub } = opened;
  const read = async (commit: string) =>
    await Deno.readFile(
      await cachedFile(folder.path, hub, commit, file),
    );
  assert.deepEqual(await read("c1"), FILE);
  assert.deepEqual(await read("c1"), FILE);
  assert.deepEqual(await read("c2"), FILE);
  assert.deepEqual(asked, ["0-99"]);
  const repository = folder.at("datasets--o--x");
  assert.deepEqual(
    await Deno.readFile(`${repository}/snapshots/c2/data/a.bin`),
    FILE,
    "the layout is that of huggingface_hub",
  );
  await Deno.truncate(`${repository}/blobs/oid`, 20);
  assert.deepEqual(await read("c1"), FILE);
  assert.equal(asked.length, 2);
  assert.deepEqual(
    await Array.fromAsync(
      Deno.readDir(`${repository}/blobs`),
      ({ name }) => name,
    ),
    ["oid"],
    "no incomplete file is left",
  );
});

Deno.test("cachedFile() refuses a path that leaves the repository, and a folder that cannot be written", async () => {
  await using folder = await tempFolder({ taken: "" });
  await using opened = hubWith(part);
  const { asked, hub } = opened;
  for (const path of ["../a", "a/../../b", "/etc/x", "a//b", "a\\b", "c:x"]) {
    await assert.rejects(
      cachedFile(folder.path, hub, "c1", { ...file, path }),
      /must not leave its repository/,
      path,
    );
  }
  await assert.rejects(
    cachedFile(folder.at("taken"), hub, "c1", file),
    /^UsageError: cacheDir: must be a folder that can be written/,
  );
  assert.deepEqual(asked, []);
});

Deno.test("cacheFolder() is that of huggingface_hub", () => {
  const folderOf = (env: Record<string, string>) =>
    cacheFolder({ cache: true }, { env: (name) => env[name] });
  assert.equal(folderOf({ HF_HUB_CACHE: "/h", HF_HOME: "/x" }), "/h");
  assert.equal(folderOf({ HF_HOME: "/x", HOME: "/me" }), "/x/hub");
  assert.equal(
    folderOf({ XDG_CACHE_HOME: "/c", HOME: "/me" }),
    "/c/huggingface/hub",
  );
  assert.equal(folderOf({ HOME: "/me" }), "/me/.cache/huggingface/hub");
  assert.throws(() => folderOf({}), /^UsageError: cacheDir: must be given/);
});

const columnsOf = (note: string | undefined) =>
  mediaColumns({ note: () => note });
const of = (features: unknown) =>
  columnsOf(JSON.stringify({ info: { features } }));

Deno.test("mediaColumns() finds audio and images by their type, alone or in lists", () => {
  const text = { dtype: "string", _type: "Value" };
  for (
    const [features, expected] of [
      [{ text, utterance: { sampling_rate: 16000, _type: "Audio" } }, {
        audio: "utterance",
      }],
      [{ scan: { _type: "Image" }, note: text }, { images: "scan" }],
      [{ pages: [{ _type: "Image" }] }, { images: "pages" }],
      [{ pages: { feature: { _type: "Image" }, _type: "List" } }, {
        images: "pages",
      }],
      [{ prompt_audio: { _type: "Audio" }, audio: { _type: "Audio" } }, {
        audio: "audio",
      }],
      [{ text }, {}],
      ["nonsense", {}],
    ] as const
  ) assert.deepEqual(of(features), expected);
});

Deno.test("mediaColumns() ignores a note that is missing or cannot be read", () => {
  for (const note of [undefined, "", "{", "null", "7", '{"info":null}']) {
    assert.deepEqual(columnsOf(note), {});
  }
});
