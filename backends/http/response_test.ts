import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Connection, Connections } from "./connections.ts";
import type { Http } from "./http.ts";
import { networkReads } from "./response.ts";
import { exchange } from "./transport.ts";
import type { WireHandler } from "./wire.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import { ask } from "../../tests/support/ask.ts";

/** A clock that advances with each decoding. */
function slowClock() {
  let nowMs = 0;
  const work = (ms: number) => void (nowMs += ms);
  return { ...manualClock(), now: () => nowMs, work };
}

/** Exchanges whose responses come as the test says. */
function wires() {
  const handlers: WireHandler[] = [];
  const connection: Connection = {
    socket: undefined,
    idleSinceMs: undefined,
    isReady: () => true,
    isAnswered: () => false,
    isRefused: () => false,
    dispatch: (_request, handler) => void handlers.push(handler),
    close: () => {},
  };
  const connections: Connections = {
    isClosed: false,
    take: () => connection,
    open: () => connection,
    give: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const url = new URL("http://h/");
  const route = { url, path: "/", headers: [], connections };
  const options = {
    connectTimeoutMs: 1000,
    retryStale: true,
    clean: (text: string) => text,
  };
  const http: Pick<Http, "exchange"> = {
    exchange: (request, call, reader) =>
      exchange(route, request, { call, reader, options }),
  };
  return { http, url, handlers };
}

const EVENTS = [Buffer.from("content-type"), Buffer.from("text/event-stream")];

for (const isWhole of [false, true]) {
  Deno.test(`exchange() stamps all that is there before it decodes any, ${isWhole ? "responses that are whole with it" : "in the middle of responses"}`, async () => {
    const { http, url, handlers } = wires();
    const clock = slowClock();
    const all = Array.from({ length: 3 }, () =>
      ask(http, url, {
        clock,
        last: () => {
          clock.work(5);
          return true;
        },
      }));
    for (const handler of handlers) {
      handler.onHeaders(200, EVENTS);
      handler.onData(Buffer.from("data: 1\n\n"));
      if (isWhole) handler.onComplete();
    }
    await Promise.all(all.map(({ settled }) => settled));
    assert.equal(clock.now(), 15);
    for (const { reads, endedMs } of all) {
      assert.deepEqual(reads, [{ bytes: 9, atMs: 0 }]);
      assert.equal(endedMs, 0);
    }
  });
}

Deno.test("networkReads() passes on the pieces of one read together, and what is behind them once", async () => {
  const clock = slowClock();
  const reported: unknown[] = [];
  const reads = networkReads(clock, (bytes, atMs) => {
    reported.push([bytes.toString(), atMs]);
  });
  reads.piece(Buffer.from("a"));
  clock.work(1);
  reads.piece(Buffer.from("b"));
  reads.behind(() => reported.push("behind"));
  assert.deepEqual(reported, []);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(reported, [["ab", 0], "behind"]);
  reads.piece(Buffer.from("c"));
  reads.flush();
  assert.deepEqual(reported.at(-1), ["c", 1]);
  await Promise.resolve();
  assert.equal(reported.length, 3);
});
