import assert from "node:assert/strict";
import { readAhead } from "./read_ahead.ts";

const { signal } = new AbortController();

Deno.test("readAhead() keeps the order, whichever item is ready first", async () => {
  const started: PromiseWithResolvers<number>[] = [];
  const begin = (i: number) => {
    started[i] = Promise.withResolvers();
    return started[i].promise;
  };
  const results = readAhead([0, 1, 2], begin, { ahead: 3, signal });
  const first = results.next();
  while (started.length < 3) await Promise.resolve();
  for (const i of [2, 0, 1]) started[i]!.resolve(i * 10);
  assert.deepEqual(await first, { value: 0, done: false });
  assert.deepEqual(await Array.fromAsync(results), [10, 20]);
});

Deno.test("readAhead() limits the number of items in progress", async () => {
  let underWay = 0;
  let most = 0;
  const begin = async (i: number) => {
    most = Math.max(most, ++underWay);
    await Promise.resolve();
    return i;
  };
  const items = Array.from({ length: 50 }, (_, i) => i);
  const results: number[] = [];
  for await (const i of readAhead(items, begin, { ahead: 4, signal })) {
    results.push(i);
    underWay--;
  }
  assert.deepEqual(results, items);
  assert.equal(most, 4);
});

Deno.test("readAhead() ends when it is aborted, and closes its source", async () => {
  let closed = false;
  async function* endless() {
    try {
      for (let i = 0;; i++) yield await Promise.resolve(i);
    } finally {
      closed = true;
    }
  }
  const over = new AbortController();
  const begin = (i: number) => Promise.resolve(i);
  const options = { ahead: 3, signal: over.signal };
  const results: number[] = [];
  for await (const i of readAhead(endless(), begin, options)) {
    results.push(i);
    if (i === 5) over.abort();
  }
  assert.deepEqual(results, [0, 1, 2, 3, 4, 5]);
  assert.ok(closed);
});

Deno.test("readAhead() throws a failure in order, and waits for the rest", async () => {
  let ended = 0;
  const begin = async (i: number) => {
    await Promise.resolve();
    ended++;
    if (i === 1) throw new Error("broken");
    return i;
  };
  const results = readAhead([0, 1, 2, 3], begin, { ahead: 4, signal });
  assert.deepEqual(await results.next(), { value: 0, done: false });
  await assert.rejects(results.next(), /broken/);
  assert.equal(ended, 4);
});
