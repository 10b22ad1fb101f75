import assert from "node:assert/strict";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import type { HttpOptions } from "./http.ts";
import {
  ask,
  type Asked,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import {
  type RawServer,
  rawServer,
  type Script,
} from "../../tests/support/raw_server.ts";

/** A request whose time goes where the test sends it. */
async function timed(
  script: Script,
  options: Partial<HttpOptions>,
  body: (
    pending: Asked,
    time: ReturnType<typeof manualClock>,
    server: RawServer,
  ) => Promise<void>,
): Promise<void> {
  await using server = await rawServer(script);
  await using http = open(options);
  const time = manualClock();
  const pending = ask(http, server.url, { clock: time });
  await body(pending, time, server);
  assert.equal(time.pending, 0);
  await server.until(() => server.open === 0);
}

Deno.test("headersTimeoutMs counts from when the request was sent", () =>
  timed(() => {}, { headersTimeoutMs: 500 }, async (pending, time) => {
    await time.advance(300);
    await reached(() => pending.marks.requestSent !== undefined);
    assert.equal(pending.marks.requestSent, 300);
    await time.advance(499);
    assert.equal(pending.error, undefined);
    await time.advance(1);
    await pending.settled;
    assert.deepEqual(failureOf(pending), [
      "headers_timeout",
      undefined,
      "The server did not begin to answer: waited 500 ms",
    ]);
  }));

Deno.test("receiveTimeoutMs counts from the last read, with one timer for all of them", () =>
  timed(
    (peer) => peer.stream(),
    { receiveTimeoutMs: 500, headersTimeoutMs: 5 },
    async (pending, time, server) => {
      await reached(() => pending.marks.headers !== undefined);
      for (let i = 1; i <= 4; i++) {
        await time.advance(400);
        await server.peers[0]!.chunk(": ping\n\n");
        await reached(() => pending.reads.length === i);
        assert.equal(time.pending, 1);
      }
      await time.advance(499);
      assert.equal(pending.error, undefined);
      await time.advance(1);
      await pending.settled;
      assert.deepEqual(failureOf(pending), [
        "receive_timeout",
        undefined,
        "The server stopped sending: waited 500 ms",
      ]);
      assert.equal(time.now(), 2100);
    },
  ));

Deno.test("receiveTimeoutMs counts from the headers where no body comes", () =>
  timed(
    (peer) => peer.stream(),
    { receiveTimeoutMs: 500 },
    async (pending, time) => {
      await reached(() => pending.marks.headers !== undefined);
      await time.advance(500);
      await pending.settled;
      assert.equal(failureOf(pending)[0], "receive_timeout");
    },
  ));

Deno.test("requestTimeoutMs holds for all of a request, however busy the server is", () =>
  timed(
    (peer) => peer.stream(),
    { requestTimeoutMs: 1000, receiveTimeoutMs: 900 },
    async (pending, time, server) => {
      await reached(() => pending.marks.headers !== undefined);
      await time.advance(800);
      await server.peers[0]!.chunk("data: 1\n\n");
      await reached(() => pending.events.length === 1);
      await time.advance(200);
      await pending.settled;
      assert.deepEqual(failureOf(pending), [
        "request_timeout",
        undefined,
        "The request did not finish: waited 1000 ms",
      ]);
    },
  ));

Deno.test("headersTimeoutMs holds where informational responses come without an answer", () =>
  timed(
    async (peer) => {
      for (let i = 0; i < 5; i++) {
        await peer.send("HTTP/1.1 102 Processing\r\n\r\n");
      }
    },
    { headersTimeoutMs: 500 },
    async (pending, time) => {
      await reached(() => pending.marks.requestSent !== undefined);
      await time.advance(500);
      await pending.settled;
      assert.equal(failureOf(pending)[0], "headers_timeout");
      assert.equal(pending.marks.headers, undefined);
    },
  ));

Deno.test("informational responses without an end are a protocol_error", () =>
  timed(
    async (peer) => {
      const flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
      while (!peer.socket.destroyed) await peer.send(flood);
    },
    {},
    async (pending) => {
      await pending.settled;
      assert.deepEqual(failureOf(pending), [
        "protocol_error",
        undefined,
        "The server sent more than 1000 informational responses, the last with status 103, and no response",
      ]);
    },
  ));

Deno.test("connectTimeoutMs holds for the handshake of TLS too", async () => {
  // Takes connections and never speaks.
  await using server = await rawServer(() => {}, { pause: true });
  await using http = open({ connectTimeoutMs: 700 });
  const time = manualClock();
  const url = new URL(server.url.href.replace("http:", "https:"));
  const pending = ask(http, url, { clock: time });
  await server.until(() => server.accepted === 1);
  await time.advance(699);
  assert.equal(pending.error, undefined);
  await time.advance(1);
  await pending.settled;
  assert.deepEqual(failureOf(pending), [
    "connect_timeout",
    undefined,
    "The connection did not open: waited 700 ms",
  ]);
  assert.deepEqual([pending.marks, time.pending], [{}, 0]);
  server.sockets[0]!.resume();
  await server.until(() => server.open === 0);
});

Deno.test("Time limits leave no timer behind where a request ends in time", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open({
    headersTimeoutMs: 1,
    receiveTimeoutMs: 1,
    requestTimeoutMs: 1,
  });
  const time = manualClock();
  for (let i = 0; i < 2; i++) {
    const pending = ask(http, server.url, { clock: time });
    await pending.settled;
    assert.deepEqual([pending.error, time.pending], [undefined, 0]);
  }
});
