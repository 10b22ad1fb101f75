import assert from "node:assert/strict";
import type { LoopWatch } from "./client_monitor.ts";
import { attempt, type AttemptOptions } from "./attempt.ts";
import type { Backend, Call } from "./contract.ts";
import { RequestError } from "./errors.ts";
import type { Output, Sample } from "./sample.ts";
import { MemoryBudget } from "./memory.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";

const request = {
  id: 7,
  turn: { columns: { text: "hello", reference: "hi" } },
  prepared: undefined,
  session: { id: "a", turn: 0, history: [] },
};

function backend(send: (call: Call) => Promise<Output>): Backend {
  return { needs: [], send: (_request, call) => send(call) };
}

function options(
  clock = manualClock(),
  signal = new AbortController().signal,
): AttemptOptions {
  return { stage: 0, phase: "measure", scheduledMs: 0, clock, signal };
}

Deno.test("attempt() ends when the response had, not when it was read; a failure when it failed", async () => {
  for (const [fails, endedMs] of [[false, 10], [true, 30]] as const) {
    const clock = manualClock();
    const running = attempt(
      backend(async (call) => {
        await clock.sleepUntil(10);
        call.ended(10);
        await clock.sleepUntil(30);
        if (fails) throw new RequestError("truncated", "Not whole");
        return {};
      }),
      request,
      options(clock),
    );
    await clock.advanceTo(30);
    assert.equal((await running).endedMs, endedMs);
  }
});

Deno.test("attempt() times output by the read that carried it", async () => {
  const clock = manualClock({ nowMs: 100 });
  const running = attempt(
    backend(async (call) => {
      await clock.sleepUntil(130);
      const atMs = call.read(20);
      await clock.sleepUntil(140);
      call.output(atMs, { kind: "text", text: "" });
      call.output(atMs, { kind: "text", text: "x" });
      return {};
    }),
    request,
    { ...options(clock), scheduledMs: 90 },
  );
  await clock.advanceTo(140);
  const sample = await running;
  assert.deepEqual(sample, {
    id: 7,
    session: { id: "a", turn: 0 },
    stage: 0,
    phase: "measure",
    input: { reference: "hi" },
    scheduledMs: 90,
    dispatchedMs: 100,
    marks: {},
    reads: { count: 1, bytes: 20 },
    deltas: [
      { atMs: 130, kind: "text", text: "" },
      { atMs: 130, kind: "text", text: "x" },
    ],
    audioSent: [],
    output: { text: "x" },
    endedMs: 140,
    outcome: { status: "ok" },
  });
  assert.equal(clock.pending, 0);
});

Deno.test("attempt() counts what is sent again, and keeps the instants of the last sending", async () => {
  const clock = manualClock({ nowMs: 100 });
  const sample = await attempt(
    backend((call) => {
      call.mark("connected", 101);
      call.mark("requestSent", 102);
      call.retried();
      call.mark("requestSent", 105);
      return Promise.resolve({});
    }),
    request,
    options(clock),
  );
  assert.equal(sample.retried, 1);
  assert.equal(sample.dispatchedMs, 100);
  assert.deepEqual(sample.marks, { requestSent: 105 });
});

Deno.test("attempt() keeps what came before a failure", async () => {
  const sample = await attempt(
    backend((call) => {
      call.output(call.read(1), { kind: "text", text: "half" });
      return Promise.reject(
        new RequestError("server_error", "Queue full", { code: "busy" }),
      );
    }),
    request,
    options(),
  );
  assert.equal(sample.output.text, "half");
  assert.deepEqual(sample.outcome, {
    status: "error",
    failure: { class: "server_error", code: "busy", message: "Queue full" },
  });
});

Deno.test("attempt() makes a sample of a backend that throws", async () => {
  const sample = await attempt(
    {
      needs: [],
      send() {
        throw new TypeError("No such thing");
      },
    },
    request,
    options(),
  );
  assert.deepEqual(sample.outcome, {
    status: "error",
    failure: { class: "backend_error", message: "No such thing" },
  });
});

Deno.test("attempt() takes the class of a failure from a plugin's own copy of RequestError", async () => {
  class RequestError extends Error {
    override name = "RequestError";
    class = "server_error";
    code = "busy";
  }
  const { outcome } = await attempt(
    backend(() => Promise.reject(new RequestError("Queue full"))),
    request,
    options(),
  );
  assert.deepEqual(outcome, {
    status: "error",
    failure: { class: "server_error", code: "busy", message: "Queue full" },
  });
});

Deno.test("attempt() distinguishes a timeout from an error and a cancellation", async () => {
  const timeout = new RequestError("idle_timeout", "No answer for 5 s");
  const clock = manualClock();
  for (
    const [signal, status, failureClass] of [
      [new AbortController().signal, "timeout", "idle_timeout"],
      [AbortSignal.abort(timeout), "timeout", "idle_timeout"],
      [AbortSignal.abort(new Error("Interrupted")), "cancelled", "cancelled"],
    ] as const
  ) {
    const { outcome } = await attempt(
      backend(({ signal }) =>
        Promise.reject(signal.aborted ? signal.reason : timeout)
      ),
      request,
      options(clock, signal),
    );
    assert.partialDeepStrictEqual(outcome, {
      status,
      failure: { class: failureClass },
    });
    assert.equal(clock.pending, 0, "gives its timer up");
  }
});

Deno.test("attempt() gives up a backend that ignores its signal, and records nothing more of it", async () => {
  const clock = manualClock();
  const cut = new AbortController();
  let late: Call | undefined;
  const running = attempt(
    backend((call) => {
      late = call;
      return new Promise(() => {});
    }),
    request,
    { ...options(clock, cut.signal), graceMs: 50 },
  );
  await clock.advanceTo(10);
  cut.abort(new Error("Interrupted"));
  await clock.advanceTo(60);
  const sample = await running;
  assert.equal(sample.endedMs, 60);
  assert.equal(sample.outcome.status, "cancelled");
  late?.output(late.read(5), { kind: "text", text: "too late" });
  late?.mark("final");
  late?.audioSent({ atMs: 70, endMs: 100 });
  assert.deepEqual(
    [sample.deltas, sample.reads.count, sample.marks, sample.audioSent],
    [[], 0, {}, []],
  );
});

Deno.test("attempt() joins deltas of text, and starts again where one replaces the rest", async () => {
  const sample = await attempt(
    backend((call) => {
      const atMs = call.read(1);
      call.output(atMs, { kind: "text", text: "a" });
      call.output(atMs, { kind: "reasoning", text: "hm" });
      call.output(atMs, { kind: "text", text: "b", mode: "replace" });
      call.output(atMs, { kind: "text", text: "c" });
      return Promise.resolve({ usage: { outputTokens: 3 } });
    }),
    request,
    options(),
  );
  assert.deepEqual(sample.output, { text: "bc", usage: { outputTokens: 3 } });
});

Deno.test("attempt() counts the pictures of a turn, those in its messages too", async () => {
  const image = {
    id: "a",
    file: () => Promise.reject(new Error("it is not to be read")),
  };
  const parts = [
    { kind: "text", text: "What?" },
    { kind: "image", image },
  ] as const;
  const messages = [
    { role: "user", content: parts },
    { role: "user", content: "And?" },
  ] as const;
  const cases = [
    [{ text: "a" }, undefined],
    [{ images: [image] }, 1],
    [{ messages }, 1],
    [{ messages, images: [image, image] }, 3],
  ] as const;
  for (const [columns, count] of cases) {
    const sample = await attempt(
      backend(() => Promise.resolve({})),
      { ...request, turn: { columns } },
      options(),
    );
    assert.equal(sample.input.images, count);
  }
});

Deno.test("attempt() takes the system's code from whatever a backend throws, so that the client's own failures are known", async () => {
  const codeOf = async (error: unknown) => {
    const { outcome } = await attempt(
      backend(() => Promise.reject(error)),
      request,
      options(),
    );
    assert.equal(outcome.status, "error");
    return outcome.status === "error" ? outcome.failure.code : undefined;
  };
  const withCode = (code: unknown) => Object.assign(new Error("No"), { code });
  assert.equal(await codeOf(withCode("EMFILE")), "EMFILE");
  assert.equal(
    await codeOf(new TypeError("fetch failed", { cause: withCode("ENOBUFS") })),
    "ENOBUFS",
  );
  const refused =
    "error sending request for url (http://h/): client error (Connect): tcp open error: ";
  const fetched = (reason: string) =>
    new TypeError("fetch failed", { cause: new Error(refused + reason) });
  assert.equal(
    await codeOf(fetched("Too many open files (os error 24)")),
    "EMFILE",
  );
  assert.equal(
    await codeOf(fetched("Connection refused (os error 111)")),
    "ECONNREFUSED",
  );
  assert.equal(await codeOf(withCode(24)), undefined);
  assert.equal(await codeOf(new Error("No")), undefined);
  assert.equal(await codeOf("EMFILE"), undefined);
  const known = (code?: string, cause?: unknown) =>
    new RequestError("connect_error", "No", { code, cause });
  assert.equal(await codeOf(known("503", withCode("EPIPE"))), "503");
  assert.equal(await codeOf(known(undefined, withCode("EPIPE"))), undefined);
  assert.equal(await codeOf(known(undefined, withCode("EMFILE"))), "EMFILE");
  assert.equal(await codeOf(known("EMFILE")), "EMFILE");
  const said = new RequestError("server_error", "No", {
    code: "busy",
    cause: withCode("EMFILE"),
  });
  assert.equal(await codeOf(said), "busy");
  // A server may be out of files too, and say so.
  const quoted = "Too many open files (os error 24)";
  const parsed = () => {
    try {
      return JSON.parse(quoted);
    } catch (error) {
      return error;
    }
  };
  for (
    const [name, code, cause] of [
      ["closed", "1011", undefined],
      ["connect_error", "503", undefined],
      ["protocol_error", undefined, undefined],
      ["protocol_error", undefined, parsed()],
    ] as const
  ) {
    const error = new RequestError(name, `No: ${quoted}`, { code, cause });
    assert.equal(await codeOf(error), code);
  }
  const circle = new Error("round");
  circle.cause = circle;
  assert.equal(await codeOf(circle), undefined);
});

Deno.test("attempt() gives up a response that takes too much memory, and keeps what came", async () => {
  const memory = new MemoryBudget({ requestBytes: 100_000, totalBytes: 1e9 });
  let aborted = 0, sent = 0;
  const flood = (obeys: boolean) =>
    backend(async (call) => {
      call.signal.addEventListener("abort", () => aborted++);
      while (sent < 100_000 && !(obeys && call.signal.aborted)) {
        call.output(call.read(10), { kind: "text", text: "x" });
        sent++;
      }
      call.signal.throwIfAborted();
      await Promise.resolve();
      return { text: "not all of it" };
    });
  const sample = await attempt(flood(true), request, {
    ...options(),
    memory,
  });
  assert.equal(sample.outcome.status, "error");
  assert.equal(sample.outcome.failure.class, "too_large");
  assert.equal(sample.outcome.failure.code, undefined);
  assert.ok(sample.deltas.length > 500 && sample.deltas.length < 2000);
  assert.equal(sample.output.text, "x".repeat(sample.deltas.length));
  assert.deepEqual([aborted, sent], [1, sample.deltas.length]);
});

Deno.test("attempt() counts what a backend holds back, and fails where it answers all the same", async () => {
  const memory = new MemoryBudget({ requestBytes: 100, totalBytes: 1000 });
  const sizes = [90, 50, 100];
  for (const [last, status] of [[20, "ok"], [101, "error"]] as const) {
    const sample = await attempt(
      backend((call) => {
        for (const size of [...sizes, last]) call.buffered(size);
        return Promise.resolve({ text: "whole" });
      }),
      request,
      { ...options(), memory },
    );
    assert.equal(sample.outcome.status, status);
    assert.equal(sample.output.text, "whole");
  }
});

Deno.test("attempt() gives up the largest of many requests, by a code that says whose memory it is", async () => {
  const memory = new MemoryBudget({ requestBytes: 1000, totalBytes: 1500 });
  const clock = manualClock();
  const holding = (bytes: number) =>
    attempt(
      backend(async (call) => {
        call.buffered(bytes);
        await clock.sleepUntil(10, call.signal);
        return {};
      }),
      request,
      { ...options(clock), memory },
    );
  const running = [holding(400), holding(900), holding(300)];
  await clock.advance(20);
  const outcomes = (await Promise.all(running)).map(({ outcome }) =>
    outcome.status === "ok" ? "ok" : outcome.failure.code
  );
  assert.deepEqual(outcomes, ["ok", "client_memory", "ok"]);
  assert.equal(clock.pending, 0);
});

/** A watch whose bounds are given for some times; at all others it has waited 0 ms. */
function watchOf(waits: Readonly<Record<number, number>>): LoopWatch {
  return {
    method: "scheduler",
    queuedMs: 0,
    touch() {},
    waitedMs: (atMs) => waits[atMs] ?? 0,
  };
}

Deno.test("attempt() bounds what the client can have added: in sending, to the first token, to the end", async () => {
  const clock = manualClock();
  const watch = watchOf({ 10: 0.5, 30: 2, 40: 50 });
  const running = attempt(
    backend(async (call) => {
      await clock.sleepUntil(10);
      call.mark("connected");
      // Of the 8 ms for the connection, the read of its end can have waited 0.5 ms here.
      call.sendWaited(2, 10);
      await clock.sleepUntil(11);
      call.mark("requestSent");
      await clock.sleepUntil(30);
      const atMs = call.read(9);
      call.output(atMs, { kind: "text", text: "" });
      call.output(atMs, { kind: "text", text: "x" });
      call.output(atMs, { kind: "text", text: "y" });
      await clock.sleepUntil(40);
      call.ended(40);
      await clock.sleepUntil(43);
      return {};
    }),
    request,
    { ...options(clock), watch },
  );
  await clock.advanceTo(43);
  const { client } = await running;
  // The end cannot have waited since before the request was sent.
  assert.deepEqual(client, {
    sendingMs: 3.5,
    firstTokenMs: 2,
    endMs: 29,
    turnaroundMs: 3,
  });
});

Deno.test("attempt() bounds a read that passed another queue of the process from when it came there", async () => {
  const clock = manualClock();
  const watch = watchOf({ 20: 4, 23: 1, 40: 1 });
  const running = attempt(
    backend(async (call) => {
      await clock.sleepUntil(20);
      const sinceMs = call.waitingSince();
      await clock.sleepUntil(23);
      const atMs = call.read(9, clock.now(), sinceMs);
      call.output(atMs, { kind: "text", text: "x" });
      await clock.sleepUntil(40);
      // No read: what ended it has waited in no other queue.
      call.ended(40);
      return {};
    }),
    request,
    { ...options(clock), watch },
  );
  await clock.advanceTo(40);
  const { client } = await running;
  assert.deepEqual(client, { firstTokenMs: 7, endMs: 1, turnaroundMs: 0 });
});

/** Sends a request whose first events and end arrive at 30 ms by the system, and are read 60 ms later. */
async function readLate(
  events: number,
  sinceMs?: number,
  waits: Readonly<Record<number, number>> = { 30: 25, 90: 85 },
): Promise<Sample["client"]> {
  const clock = manualClock();
  const running = attempt(
    backend(async (call) => {
      call.mark("requestSent");
      await clock.sleepUntil(90);
      call.arrived(30, 0.01, sinceMs);
      call.read(9, 30);
      for (let i = 0; i < events; i++) {
        call.event(30);
        call.output(30, { kind: "text", text: "x" });
      }
      call.ended(30);
      return {};
    }),
    request,
    { ...options(clock), watch: watchOf(waits) },
  );
  await clock.advanceTo(90);
  return (await running).client;
}

Deno.test("attempt() takes the system's time of arrival, however late it was read", async () => {
  const exact = { turnaroundMs: 60, isTimedBySystem: true, sendingMs: 0 };
  assert.deepEqual(
    await readLate(1),
    { ...exact, firstTokenMs: 0.01, endMs: 0.01 },
  );
  // The system gives the time of the last one only.
  assert.deepEqual(
    await readLate(2),
    { ...exact, firstTokenMs: 25, endMs: 0.01 },
  );
  assert.equal((await readLate(2, 27))!.firstTokenMs, 3);
  assert.equal((await readLate(2, 2))!.firstTokenMs, 25);
  // With so many unread, the server may have waited for this client.
  assert.deepEqual(
    await readLate(20),
    { ...exact, firstTokenMs: 25, endMs: 25 },
  );
});

Deno.test("attempt() bounds what came together by when nothing had come, if the loop paused since then", async () => {
  const paused = { 30: -40, 90: 20 };
  assert.equal((await readLate(2, 12, paused))!.firstTokenMs, 18);
  assert.equal((await readLate(20, 12, paused))!.endMs, 18);
});

Deno.test("attempt() bounds what came together by the dispatch, where nothing else is known", async () => {
  const clock = manualClock();
  const running = attempt(
    backend(async (call) => {
      await clock.sleepUntil(90);
      call.output(30, { kind: "text", text: "x" });
      call.output(30, { kind: "text", text: "y" });
      call.ended(30);
      return {};
    }),
    request,
    { ...options(clock), watch: watchOf({ 30: -40 }) },
  );
  await clock.advanceTo(90);
  assert.deepEqual(
    (await running).client,
    { firstTokenMs: 30, endMs: 30, turnaroundMs: 60 },
  );
});

Deno.test("attempt() bounds a server that waits for room by the time for which something was not read", async () => {
  const clock = manualClock();
  const running = attempt(
    backend(async (call) => {
      call.mark("requestSent");
      // Nothing had come at 5 ms, and more than half of the window at 10 ms, which is read at 50 ms.
      await clock.sleepUntil(50);
      call.arrived(10, 0.01, 5);
      call.read(40_000, 10);
      // The rest comes at 60 ms. It is read at 100 ms.
      await clock.sleepUntil(100);
      call.arrived(60, 0.01, 50);
      call.read(40_000, 60);
      call.ended(60);
      return {};
    }),
    request,
    { ...options(clock), watch: watchOf({ 10: 8, 50: 48, 60: 20, 100: 60 }) },
  );
  await clock.advanceTo(100);
  assert.equal((await running).client!.endMs, 45 + 10);
});

Deno.test("attempt() has no client's share where nothing watches the client", async () => {
  const sample = await attempt(
    backend(() => Promise.resolve({})),
    request,
    options(),
  );
  assert.equal("client" in sample, false);
});
