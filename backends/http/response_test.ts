import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ConnectionPool, ConnectionUser } from "./connections.ts";
import type { Http } from "./http.ts";
import { NetworkReads } from "./response.ts";
import { exchange } from "./transport.ts";
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
  const handlers: ConnectionUser[] = [];
  const connection = {
    isReady: () => true,
    dispatch: (_request: unknown, user: ConnectionUser) =>
      void handlers.push(user),
    close: () => {},
  };
  const connections = {
    take: () => connection,
    give: () => {},
  } as unknown as ConnectionPool;
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

const EVENTS = new Map([["content-type", "text/event-stream"]]);

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
      handler.onRead();
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

Deno.test("NetworkReads passes on each read with its time, and what is behind them once", async () => {
  const clock = slowClock();
  const reported: unknown[] = [];
  const reads = new NetworkReads(clock, (bytes, { atMs }) => {
    reported.push([bytes.toString(), atMs]);
  });
  reads.begin();
  reads.add(Buffer.from("a"));
  clock.work(1);
  reads.add(Buffer.from("b"));
  reads.begin();
  reads.add(Buffer.from("c"));
  reads.behind(() => reported.push("behind"));
  assert.deepEqual(reported, []);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(reported, [["ab", 0], ["c", 1], "behind"]);
  reads.begin();
  reads.add(Buffer.from("d"));
  reads.flush();
  assert.deepEqual(reported.at(-1), ["d", 1]);
  await Promise.resolve();
  assert.equal(reported.length, 4);
});

Deno.test("NetworkReads takes the system's time of arrival, within what can be", () => {
  const clock = slowClock();
  clock.work(50);
  const reads = new NetworkReads(clock, () => {});
  const begin = (epochMs: number | undefined) => {
    const sinceEpochMs = clock.epochMs + 20;
    reads.begin({ epochMs, errorMs: 0.5, sinceEpochMs }, 10);
    return reads.time;
  };
  const known = { errorMs: 0.5, sinceMs: 20 };
  assert.deepEqual(begin(clock.epochMs + 30), { atMs: 30, ...known });
  assert.deepEqual(begin(clock.epochMs + 60), { atMs: 50, ...known });
  const clamped = { atMs: 10, ...known, sinceMs: 10 };
  assert.deepEqual(begin(clock.epochMs + 5), clamped);
  assert.deepEqual(begin(undefined), { atMs: 50, errorMs: undefined });
});

Deno.test("NetworkReads does not let a flood of bytes wait", () => {
  let bytes = 0;
  const reads = new NetworkReads(slowClock(), ({ length }) => bytes += length);
  for (let i = 0; i < 40; i++) {
    reads.begin();
    reads.add(Buffer.alloc(65_536));
  }
  assert.ok(bytes >= 24 * 65_536, `${bytes}`);
});
