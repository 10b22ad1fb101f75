import assert from "node:assert/strict";
import type { RpcMethods } from "../tests/support/rpc_worker.ts";
import { startWorker } from "./worker_rpc.ts";

const url = new URL("../tests/support/rpc_worker.ts", import.meta.url);

function start() {
  return startWorker<RpcMethods>(url, {
    name: "rpc test",
    methods: { double: (value: number) => value * 2 },
  });
}

Deno.test("startWorker() calls methods of the worker, before it is ready too", async () => {
  using worker = start();
  assert.equal(await worker.call("add", { a: 1, b: 2 }), 3);
  await worker.ready;
  const bytes = await worker.call("fill", 3);
  assert.deepEqual([...bytes], [7, 7, 7]);
});

Deno.test("startWorker() lets the worker call back", async () => {
  using worker = start();
  assert.equal(await worker.call("twice", 4), 8);
});

Deno.test("call() rejects with what the method throws, and the worker goes on", async () => {
  using worker = start();
  await assert.rejects(
    worker.call("refuse", undefined),
    { name: "TypeError", message: "not today" },
  );
  assert.equal(await worker.call("add", { a: 1, b: 1 }), 2);
});

Deno.test("call() rejects an argument that cannot be copied", async () => {
  using worker = start();
  await assert.rejects(worker.call("fill", (() => {}) as unknown as number));
});

Deno.test("call() rejects when the worker crashes or is disposed", async () => {
  using worker = start();
  await worker.call("crash", undefined);
  await assert.rejects(
    worker.call("hang", undefined),
    /rpc test ended: .*crashed/,
  );
  assert.match((await worker.lost).message, /crashed/);
  const disposed = start();
  const hung = disposed.call("hang", undefined);
  disposed[Symbol.dispose]();
  await assert.rejects(hung, /the worker rpc test was ended/);
});

Deno.test("startWorker() rejects where the module cannot be loaded", async () => {
  using worker = startWorker(new URL("no_such_worker.ts", url), {
    name: "missing",
  });
  await assert.rejects(worker.ready, /the worker missing ended/);
});
