// Proxies that do not do as they should, on the way to a server of https.

import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import { probe } from "../connect/probe.ts";
import {
  ask,
  asked,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import { pem } from "../../tests/support/certificate.ts";

const clean = (text: string) => text;
const URL_BEHIND = new URL("https://h.invalid/v1/x");

/** A proxy that does with each CONNECT what the test says. */
async function badProxy(
  answer: (socket: Socket) => void,
  scheme: "http" | "https" = "http",
) {
  let connects = 0;
  const sockets = new Set<Socket>();
  const take = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.once("data", (bytes) => {
      assert.match(String(bytes), /^CONNECT h\.invalid:443 HTTP\/1\.1\r\n/);
      connects++;
      answer(socket);
    });
  };
  const server = scheme === "http" ? createServer(take) : createTlsServer({
    cert: pem("server.pem"),
    key: pem("server.key"),
  }, take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const value = `${scheme}://127.0.0.1:${port}`;
  return {
    host: `127.0.0.1:${port}`,
    env: (name: string) => name === "HTTPS_PROXY" ? value : undefined,
    get connects() {
      return connects;
    },
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A connection is refused in these ways; what is said of each, besides that there is no connection. */
const REFUSALS: Readonly<
  Record<string, readonly [answer: (socket: Socket) => void, words: RegExp]>
> = {
  "closes": [(socket) => void socket.end(), /other side closed/],
  "drops it": [(socket) => void socket.destroy(), /closed/],
  "resets it": [
    (socket) => void socket.resetAndDestroy(),
    /ECONNRESET|other side closed/,
  ],
  "answers by half": [
    (socket) => void socket.end("HTTP/1.1 200 Conn"),
    /closed/,
  ],
  "speaks no HTTP": [(socket) => void socket.end("hello\r\n\r\n"), /HTTP/],
  "talks without end": [
    (socket) =>
      void socket.write(
        `HTTP/1.1 200 OK\r\n${`x: ${"y".repeat(100)}\r\n`.repeat(500)}`,
      ),
    /Headers Overflow/,
  ],
  "answers 503": [
    (socket) => void socket.end("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"),
    /refused a tunnel to the server: HTTP 503/,
  ],
  "closes the tunnel": [
    (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\n"),
    /closed|disconnected|eof/i,
  ],
};

for (const [what, [answer, words]] of Object.entries(REFUSALS)) {
  Deno.test(`A proxy that ${what} is asked once for a tunnel, for a request and for a question`, async () => {
    for (const scheme of ["http", "https"] as const) {
      await using proxy = await badProxy(answer, scheme);
      const tls = { rejectUnauthorized: false };
      const { env } = proxy;
      await using http = open({ env, tls });
      const got = await asked(http, URL_BEHIND);
      const [failure, , message = ""] = failureOf(got);
      assert.equal(failure, "connect_error", message);
      assert.match(message, words);
      assert.ok(message.includes(proxy.host), message);
      assert.deepEqual([got.marks, got.retried], [{}, 0]);
      assert.equal(proxy.connects, 1);
      const { signal } = new AbortController();
      const ask = { headers: {}, tls, timeoutMs: 10_000, signal, env, clean };
      await assert.rejects(probe(URL_BEHIND, ask), { class: "connect_error" });
      assert.equal(proxy.connects, 2);
    }
  });
}

/** How far a connection comes that is never open. */
const STALLS: Readonly<Record<string, (socket: Socket) => void>> = {
  "does not answer": () => {},
  "trickles": (socket) => void socket.write("HTTP/1.1 200 OK\r\nx: "),
  "leads to a server that does not speak TLS": (socket) =>
    void socket.write("HTTP/1.1 200 OK\r\n\r\n"),
};

for (const [what, answer] of Object.entries(STALLS)) {
  Deno.test(`connectTimeoutMs holds a proxy that ${what}`, async () => {
    for (const scheme of ["http", "https"] as const) {
      await using proxy = await badProxy(answer, scheme);
      const tls = { rejectUnauthorized: false };
      const { env } = proxy;
      const clock = manualClock();
      await using http = open({ env, tls, connectTimeoutMs: 10_000 });
      const pending = ask(http, URL_BEHIND, { clock });
      await reached(() => proxy.connects === 1);
      await clock.advanceTo(9999);
      assert.equal(pending.error, undefined);
      await clock.advanceTo(10_000);
      await pending.settled;
      assert.equal(failureOf(pending)[0], "connect_timeout");
      const { signal } = new AbortController();
      const question = { headers: {}, tls, timeoutMs: 200, signal, env, clean };
      await assert.rejects(probe(URL_BEHIND, question), {
        class: "connect_timeout",
      });
      assert.ok(proxy.connects <= 2);
      await reached(() => proxy.open === 0);
    }
  });
}
