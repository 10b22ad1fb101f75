import assert from "node:assert/strict";
import { tempFolder } from "../../tests/support/datasets.ts";
import { cachedFile, cacheFolder, remoteBytes } from "./files.ts";
import type { Hub, HubFetch } from "./hub.ts";

const FILE = Uint8Array.from({ length: 100 }, (_, i) => i);
const HUB = new URL("http://hub.example/file");

/** A hub that gives the answers in order. */
function answers(
  ...given: readonly ((start: number, end: number) => Response | Error)[]
) {
  const asked: string[] = [];
  const fetch: HubFetch = (url, init) => {
    const range = new Headers(init?.headers).get("range")!;
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
    asked.push(`${start}-${end}`);
    const answer = given[Math.min(asked.length, given.length) - 1]!;
    const response = answer(Number(start), Number(end) + 1);
    if (response instanceof Error) return Promise.reject(response);
    return Promise.resolve({ response, url: new URL(url) });
  };
  return { asked, fetch };
}

const part = (start: number, end: number) =>
  new Response(FILE.slice(start, end), { status: 206 });
const all = () => new Response(FILE);
const status = (status: number) => () =>
  new Response("", { status, headers: { "retry-after": "0" } });

const open = (fetch: HubFetch) =>
  remoteBytes(HUB, { size: FILE.length, fetch });

Deno.test("remoteBytes() reads a range, even if the server sends the whole file", async () => {
  for (const answer of [part, all]) {
    const { fetch } = answers(answer);
    assert.deepEqual(await open(fetch).read(10, 20), FILE.slice(10, 20));
  }
  assert.deepEqual(
    await open(answers(part).fetch).read(5, 5),
    new Uint8Array(),
  );
});

Deno.test("remoteBytes() tries three times if an error may be temporary", async () => {
  for (const code of [429, 500, 503]) {
    const twice = answers(status(code), status(code), part);
    assert.deepEqual(await open(twice.fetch).read(1, 3), FILE.slice(1, 3));
    const never = answers(status(code));
    await assert.rejects(open(never.fetch).read(1, 3), new RegExp(`${code}`));
    assert.equal(never.asked.length, 3);
  }
  const gone = answers(status(404));
  await assert.rejects(open(gone.fetch).read(1, 3), /404/);
  assert.equal(gone.asked.length, 1);
});

Deno.test("remoteBytes() stops waiting when it is aborted", async () => {
  const abort = new AbortController();
  const { asked, fetch } = answers(() => {
    abort.abort(new Error("enough"));
    return new Response("", {
      status: 429,
      headers: { "retry-after": "9999" },
    });
  });
  await assert.rejects(open(fetch).read(1, 3, abort.signal));
  assert.equal(asked.length, 1);
});

Deno.test("remoteBytes() refuses an incomplete range, and shows no signature", async () => {
  const short = answers((start) => part(start, start + 1));
  const waits = open(short.fetch).read(0, 9, AbortSignal.abort());
  await assert.rejects(
    waits,
    /cannot fetch http:\/\/hub\.example\/file: bytes 0 to 9 of 100 must arrive, but 1 did with status 206/,
  );
  const broken = answers(() =>
    new Error("error for url (https://cdn.example/x?signature=secret)")
  );
  await assert.rejects(
    open(broken.fetch).read(0, 9, AbortSignal.abort()),
    (error) => !Deno.inspect(error).includes("secret"),
  );
});

const file = { path: "data/a.bin", size: FILE.length, contentId: "oid" };

const hubWith = (fetch: HubFetch): Hub => ({
  dataset: "o/x",
  revision: undefined,
  endpoint: new URL("http://hub.example"),
  fetch,
  tokenEnv: "HF_TOKEN",
  hasToken: false,
  signal: new AbortController().signal,
});

Deno.test("cachedFile() downloads a content once for all commits, and again if it is damaged", async () => {
  await using folder = await tempFolder();
  const { asked, fetch } = answers(part);
  const read = async (commit: string) =>
    await Deno.readFile(
      await cachedFile(folder.path, hubWith(fetch), commit, file),
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
  const { asked, fetch } = answers(part);
  for (const path of ["../a", "a/../../b", "/etc/x", "a//b", "a\\b", "c:x"]) {
    await assert.rejects(
      cachedFile(folder.path, hubWith(fetch), "c1", { ...file, path }),
      /must not leave its repository/,
      path,
    );
  }
  await assert.rejects(
    cachedFile(folder.at("taken"), hubWith(fetch), "c1", file),
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
