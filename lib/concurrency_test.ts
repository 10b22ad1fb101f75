import assert from "node:assert/strict";
import { openBudget } from "./concurrency.ts";

/** Tasks that end on demand, and the names of the running ones. */
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

Deno.test("openBudget() runs as many tasks as fit, in order", async () => {
  const { running, task, end } = tasks();
  const budget = openBudget(10);
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

Deno.test("openBudget() runs a task that needs more than the maximum alone, and frees the amount after a failure", async () => {
  const { running, task, end } = tasks();
  const budget = openBudget(10);
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
