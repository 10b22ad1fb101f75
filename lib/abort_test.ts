import assert from "node:assert/strict";
import { onAbort } from "./abort.ts";

Deno.test("onAbort() runs what is still wanted, once, with one listener", () => {
  const controller = new AbortController();
  let listeners = 0;
  const add = controller.signal.addEventListener.bind(controller.signal);
  controller.signal.addEventListener = (
    ...args: Parameters<AbortSignal["addEventListener"]>
  ) => {
    listeners++;
    add(...args);
  };
  const ran: string[] = [];
  const forget = onAbort(controller.signal, () => ran.push("forgotten"));
  onAbort(controller.signal, () => ran.push("a"));
  onAbort(controller.signal, () => ran.push("b"));
  forget();
  controller.abort();
  controller.abort();
  assert.deepEqual(ran.toSorted(), ["a", "b"]);
  assert.equal(listeners, 1);
});

Deno.test("onAbort() runs its task at once where the signal has aborted", () => {
  let ran = 0;
  onAbort(AbortSignal.abort(), () => ran++)();
  assert.equal(ran, 1);
});

Deno.test("onAbort() hears of an abort from within a task that was set at the same one", () => {
  const controller = new AbortController();
  const ran: string[] = [];
  onAbort(controller.signal, () => {
    ran.push("first");
    onAbort(controller.signal, () => ran.push("second"));
  });
  controller.abort();
  assert.deepEqual(ran, ["first", "second"]);
});
