import assert from "node:assert/strict";
import { Budget, readAhead, TaskGroup } from "./concurrency.ts";

/** Tasks that end on request, and the names of those in progress. */
function tasks() {
  const running = new Map<string, () => void>();
  return {
    running: () => [...running.keys()],
    task: (name: string) => () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      running.set(name, resolve);
      return promise.finally(() => running.delete(name));
    },
    end: (name: string) => running.get(name)!(),
  };
}

const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("Budget runs the tasks that fit, in order", async () => {
  const { running, task, end } = tasks();
  const budget = new Budget(10);
  const all = [["a", 4], ["b", 6], ["c", 5], ["d", 1]] as const;
  const done = all.map(([name, bytes]) => budget.run(bytes, task(name)));
  await settled();
  assert.deepEqual(running(), ["a", "b"]);
  end("a");
  await settled();
  // "d" would fit, but "c" came before it.
  assert.deepEqual(running(), ["b"]);
  end("b");
  await settled();
  assert.deepEqual(running(), ["c", "d"]);
  for (const name of ["c", "d"]) end(name);
  await Promise.all(done);
});

Deno.test("Budget runs a task above its maximum alone, and is released after a failure", async () => {
  const { running, task, end } = tasks();
  const budget = new Budget(10);
  const failed = budget.run(1, () => Promise.reject(new Error("no")));
  const huge = budget.run(1000, task("huge"));
  const small = budget.run(1, task("small"));
  await assert.rejects(failed, /no/);
  await settled();
  assert.deepEqual(running(), ["huge"]);
  end("huge");
  await settled();
  assert.deepEqual(running(), ["small"]);
  end("small");
  await Promise.all([huge, small]);
});

Deno.test("TaskGroup waits for all tasks, those added meanwhile included, and throws the first error", async () => {
  const { task, end } = tasks();
  const group = new TaskGroup();
  await group.settled();
  for (const name of ["a", "b"]) group.add(task(name)());
  let isSettled = false;
  const waiting = group.settled().then(() => isSettled = true);
  end("a");
  await settled();
  group.add(task("c")());
  assert.equal(group.size, 2);
  end("b");
  await settled();
  assert.equal(isSettled, false);
  end("c");
  await waiting;
  for (const name of ["first", "second"]) {
    group.add(Promise.reject(new Error(name)));
  }
  await assert.rejects(group.settled(), /first/);
});

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
