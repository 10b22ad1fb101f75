import assert from "node:assert/strict";
import { Abort, onAbort, untilAborted } from "./abort.ts";

Deno.test("onAbort() runs the tasks that were not removed, once, with one listener", () => {
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

Deno.test("onAbort() runs its task at once if the signal has aborted", () => {
  let ran = 0;
  onAbort(AbortSignal.abort(), () => ran++)();
  assert.equal(ran, 1);
});

Deno.test("onAbort() runs a task that is added by another task of the same abort", () => {
  const controller = new AbortController();
  const ran: string[] = [];
  onAbort(controller.signal, () => {
    ran.push("first");
    onAbort(controller.signal, () => ran.push("second"));
  });
  controller.abort();
  assert.deepEqual(ran, ["first", "second"]);
});

Deno.test("Abort aborts with the shared signal until it is unlinked, or alone", () => {
  const shared = new AbortController();
  const [unlinked, alone, linked] = [0, 1, 2].map(() =>
    new Abort(shared.signal)
  ) as [Abort, Abort, Abort];
  const ran: unknown[] = [];
  linked.onAbort((reason) => void ran.push(reason));
  linked.onAbort(() => ran.push("removed"))();
  unlinked.unlink();
  alone.abort("alone");
  shared.abort("shared");
  assert.deepEqual(ran, ["shared"]);
  assert.deepEqual(
    [unlinked, alone, linked].map(({ reason }) => reason),
    [undefined, "alone", "shared"],
  );
  assert.equal(unlinked.aborted, false);
  assert.throws(() => alone.throwIfAborted(), (error) => error === "alone");
  linked.onAbort(() => ran.push("late"));
  assert.deepEqual(ran, ["shared", "late"], "runs at once after the abort");
});

Deno.test("Abort.signal follows it, whenever it is first read", () => {
  const shared = new AbortController();
  const [before, after] = [new Abort(shared.signal), new Abort(shared.signal)];
  const { signal } = before;
  assert.equal(before.signal, signal);
  assert.equal(signal.aborted, false);
  shared.abort("shared");
  for (const { signal } of [before, after]) {
    assert.equal(signal.aborted, true);
    assert.equal(signal.reason, "shared");
  }
});

Deno.test("untilAborted() settles as the promise does, or rejects when the signal aborts", async () => {
  const { signal } = new AbortController();
  assert.equal(await untilAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(
    untilAborted(Promise.reject(new Error("no")), signal),
    /no/,
  );
  const controller = new AbortController();
  const waiting = untilAborted(new Promise(() => {}), controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});
