import assert from "node:assert/strict";
import { tempFolder } from "../../tests/support/datasets.ts";
import { openRangeCache, type RangeCache } from "./cache.ts";
import type { HubFetch } from "./hub_fetch.ts";
import { remoteBytes } from "./remote_bytes.ts";

const FILE = Uint8Array.from({ length: 100 }, (_, i) => i);
const HUB = new URL("http://hub.example/file");

/** A hub that gives one answer after the other. */
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

const open = (fetch: HubFetch, cache?: RangeCache) =>
  remoteBytes(HUB, {
    size: FILE.length,
    fetch,
    cache,
    onKeepError(error) {
      throw error;
    },
  });

Deno.test("remoteBytes() reads a part, also where the server sends all of the file", async () => {
  for (const answer of [part, all]) {
    const { fetch } = answers(answer);
    assert.deepEqual(await open(fetch).read(10, 20), FILE.slice(10, 20));
  }
  assert.deepEqual(
    await open(answers(part).fetch).read(5, 5),
    new Uint8Array(),
  );
});

Deno.test("remoteBytes() asks again where it may go well, three times in all", async () => {
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

Deno.test("remoteBytes() waits no longer than anybody waits for it", async () => {
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

Deno.test("remoteBytes() never takes a part for the whole, and tells no signature", async () => {
  const short = answers((start) => part(start, start + 1));
  const waits = open(short.fetch).read(0, 9, AbortSignal.abort());
  await assert.rejects(
    waits,
    /Cannot fetch http:\/\/hub\.example\/file as bytes 0 to 9 of 100 must come: current value is 1 bytes with status 206/,
  );
  const broken = answers(() =>
    new Error("error for url (https://cdn.example/x?signature=secret)")
  );
  await assert.rejects(
    open(broken.fetch).read(0, 9, AbortSignal.abort()),
    (error) => !Deno.inspect(error).includes("secret"),
  );
});

Deno.test("remoteBytes() takes from the cache what lies within a part that is there, over runs, unless it is damaged", async () => {
  await using folder = await tempFolder();
  const { asked, fetch } = answers(part);
  const first = open(fetch, await openRangeCache(folder.path));
  await first.read(10, 50);
  assert.deepEqual(await first.read(20, 30), FILE.slice(20, 30));
  const second = open(fetch, await openRangeCache(folder.path));
  assert.deepEqual(await second.read(10, 50), FILE.slice(10, 50));
  assert.deepEqual(await second.read(40, 60), FILE.slice(40, 60));
  assert.deepEqual(asked, ["10-49", "40-59"]);
  await Deno.truncate(folder.at("10-50"), 20);
  const third = open(fetch, await openRangeCache(folder.path));
  assert.deepEqual(await third.read(10, 50), FILE.slice(10, 50));
  assert.equal(asked.length, 3);
  assert.deepEqual(
    (await Array.fromAsync(Deno.readDir(folder.path), ({ name }) => name))
      .toSorted(),
    ["10-50", "40-60"],
    "nothing half done is left",
  );
});

Deno.test("remoteBytes() goes on where what it fetched cannot be kept, and says so once", async () => {
  const told: string[] = [];
  const { fetch } = answers(part);
  const bytes = remoteBytes(HUB, {
    size: FILE.length,
    fetch,
    cache: {
      find: () => Promise.resolve(undefined),
      keep: () => Promise.reject(new Error("disk full")),
    },
    onKeepError: (error) => told.push(String(error)),
  });
  assert.equal((await bytes.read(0, 5)).length, 5);
  assert.equal((await bytes.read(5, 9)).length, 4);
  assert.deepEqual(told, ["Error: disk full"]);
});
