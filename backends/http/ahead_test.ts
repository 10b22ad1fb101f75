// Connections that are opened before the requests that use them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { HttpOptions } from "./http.ts";
import {
  ask,
  asked,
  clock,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import { type Peer, rawServer } from "../../tests/support/raw_server.ts";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { pem } from "../../tests/support/certificate.ts";

const CERTIFICATE = { cert: pem("server.pem"), key: pem("server.key") };
const ANY = { tls: { rejectUnauthorized: false } };
const never = () => ({ clock, signal: new AbortController().signal });
const answer = (peer: Peer) => peer.answer("{}");

/** A server of HTTP/2 that answers each request. */
async function http2Server() {
  const sockets: Socket[] = [];
  const server = createSecureServer(CERTIFICATE);
  server.on("secureConnection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  server.on("session", (session) => session.on("error", () => {}));
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`https://127.0.0.1:${port}/`),
    sockets,
    get accepted() {
      return sockets.length;
    },
    get open() {
      return sockets.filter(({ destroyed }) => !destroyed).length;
    },
    until: reached,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Servers and the options that reach them. Through a tunnel, the server is known by a name that only the proxy knows. */
const CASES: Record<string, () => Promise<Setup>> = {
  "HTTP/1.1": async () => ({ server: await rawServer(answer), options: {} }),
  "HTTP/1.1 over TLS": async () => ({
    server: await rawServer(answer, { tls: CERTIFICATE }),
    options: ANY,
  }),
  "HTTP/2 over TLS": async () => ({
    server: await http2Server(),
    options: { ...ANY, http2: true },
  }),
  "a proxy's tunnel": async () => {
    const server = await rawServer(answer, { tls: CERTIFICATE });
    const proxy = await tinyProxy();
    const variable = `http://127.0.0.1:${proxy.port}`;
    const env = (name: string) => name === "HTTPS_PROXY" ? variable : undefined;
    const url = new URL(`https://h.invalid:${server.port}/`);
    return { server, url, options: { ...ANY, env }, proxy };
  },
};

interface Setup {
  readonly server:
    & Pick<
      Awaited<ReturnType<typeof rawServer>>,
      "url" | "sockets" | "accepted" | "open" | "until"
    >
    & AsyncDisposable;
  readonly url?: URL;
  readonly options: Partial<HttpOptions>;
  readonly proxy?: AsyncDisposable;
}

async function start(set: () => Promise<Setup>) {
  const { server, url = server.url, options, proxy } = await set();
  const http = open(options);
  // Deno's sessions of HTTP/2 do not keep a program running, as the timers of a run do.
  const running = setInterval(() => {}, 1000);
  return {
    server,
    url,
    http,
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
      clearInterval(running);
    },
  };
}

for (const [name, set] of Object.entries(CASES)) {
  Deno.test(`openAhead() opens connections that requests use, over ${name}`, async () => {
    await using setup = await start(set);
    const { server, url, http } = setup;
    const times = await http.openAhead(url, 5, never());
    assert.equal(times.length, 5);
    assert.ok(times.every((ms) => ms > 0 && ms < 10_000));
    await reached(() => server.accepted === 5);
    // Twice: the connections are kept afterwards.
    for (let round = 0; round < 2; round++) {
      const all = await Promise.all(
        Array.from({ length: 5 }, () => asked(http, url)),
      );
      for (const { error, marks, retried, bodies } of all) {
        assert.deepEqual(
          [error, marks.connected, retried, bodies[0]?.text],
          [undefined, undefined, 0, "{}"],
        );
      }
    }
    assert.equal(server.accepted, 5);
    assert.deepEqual(await http.openAhead(url, 5, never()), []);
    assert.equal((await http.openAhead(url, 6, never())).length, 1);
  });

  Deno.test(`a connection that closes before its first request is replaced, over ${name}`, async () => {
    await using setup = await start(set);
    const { server, url, http } = setup;
    await http.openAhead(url, 2, never());
    await reached(() => server.accepted === 2);
    for (const socket of server.sockets) socket.end();
    await reached(() => server.open === 0);
    const { error, marks, retried } = await asked(http, url);
    assert.equal(error, undefined);
    assert.ok(marks.connected !== undefined);
    assert.equal(retried, 0);
    assert.equal((await http.openAhead(url, 2, never())).length, 1);
  });

  Deno.test(`a request is not lost with a connection that closes as it begins, over ${name}`, async () => {
    await using setup = await start(set);
    const { server, url, http } = setup;
    for (let round = 0; round < 20; round++) {
      const before = server.accepted;
      const opened = await http.openAhead(url, 1, never());
      await reached(() => server.accepted === before + opened.length);
      const last = server.sockets.at(-1)!;
      if (round % 2 === 0) last.destroy();
      else last.end();
      // Whether the close was noticed before or after the request began does not matter.
      if (round % 4 < 2) await new Promise((resolve) => setTimeout(resolve));
      const { error, bodies } = await asked(http, url);
      assert.deepEqual([error, bodies.length], [undefined, 1]);
    }
  });

  Deno.test(`connections that no request used close with the transport, over ${name}`, async () => {
    await using setup = await start(set);
    const { server, url, http } = setup;
    await http.openAhead(url, 40, never());
    await reached(() => server.open === 40);
    await http[Symbol.asyncDispose]();
    await reached(() => server.open === 0);
    assert.equal(server.accepted, 40);
    assert.deepEqual(await http.openAhead(url, 1, never()), []);
  });
}

Deno.test("a connection that the server drops during its first request fails it", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await peer.chunk("data: 1\n\n");
    peer.socket.destroy();
  });
  await using http = open();
  await http.openAhead(server.url, 1, never());
  const got = await asked(http, server.url);
  assert.equal(failureOf(got)[0], "closed");
  assert.equal(got.events.length, 1);
  assert.equal(server.accepted, 1);
});

Deno.test("a connection on which the server sends something before the first request is replaced", async () => {
  await using server = await rawServer(answer);
  await using http = open();
  await http.openAhead(server.url, 1, never());
  await server.until(() => server.accepted === 1);
  server.sockets[0]!.write("HTTP/1.1 408 Request Timeout\r\n\r\n");
  await server.until(() => server.open === 0);
  const { error, marks, bodies } = await asked(http, server.url);
  assert.deepEqual([error, bodies[0]?.text], [undefined, "{}"]);
  assert.ok(marks.connected !== undefined);
});

Deno.test("a connection that no request uses is closed like any idle one", async () => {
  await using server = await rawServer(answer);
  await using http = open();
  const startMs = clock.now();
  await http.openAhead(server.url, 2, never());
  await server.until(() => server.accepted === 2);
  assert.equal((await asked(http, server.url)).marks.connected, undefined);
  await server.until(() => server.open === 0);
  assert.ok(clock.now() - startMs > 2500);
});

Deno.test("openAhead() opens nothing where each request has a connection of its own", async () => {
  await using server = await rawServer(answer);
  await using http = open({ reuse: false });
  assert.deepEqual(await http.openAhead(server.url, 5, never()), []);
  assert.equal(server.accepted, 0);
});

Deno.test("openAhead() leaves no timer behind, which would keep a program running", async () => {
  await using server = await rawServer(answer);
  const ahead = manualClock();
  const { signal } = new AbortController();
  await using http = open();
  const times = await http.openAhead(server.url, 2, { clock: ahead, signal });
  assert.equal(times.length, 2);
  assert.equal(ahead.pending, 0);
});

Deno.test("openAhead() leaves out what cannot be opened, and ends in time", async () => {
  const { url } = await (async () => {
    await using server = await rawServer(answer);
    return server;
  })();
  await using http = open();
  assert.deepEqual(await http.openAhead(url, 3, never()), []);
  const aborted = { clock, signal: AbortSignal.abort() };
  assert.deepEqual(await http.openAhead(url, 3, aborted), []);
});

/** A server that accepts connections and sends nothing, not even of TLS. */
async function silentServer() {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.resume();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get accepted() {
      return accepted;
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

for (
  const [where, env, host] of [
    ["TLS", () => undefined, "127.0.0.1"],
    [
      "a proxy's tunnel",
      (port: number) => `http://127.0.0.1:${port}`,
      "h.invalid",
    ],
  ] as const
) {
  Deno.test(`openAhead() closes what is being opened when the run is aborted, in ${where}`, async () => {
    await using server = await silentServer();
    await using http = open({ ...ANY, env: () => env(server.port) });
    const url = new URL(`https://${host}:${server.port}/`);
    const controller = new AbortController();
    const { signal } = controller;
    const opening = http.openAhead(url, 100, { clock, signal });
    await reached(() => server.accepted === 32);
    controller.abort();
    assert.deepEqual(await opening, []);
    await reached(() => server.open === 0);
    assert.equal(server.accepted, 32);
  });

  Deno.test(`openAhead() ends when the transport is closed, in ${where}`, async () => {
    await using server = await silentServer();
    await using http = open({ ...ANY, env: () => env(server.port) });
    const url = new URL(`https://${host}:${server.port}/`);
    const opening = http.openAhead(url, 3, never());
    await reached(() => server.accepted === 3);
    await http[Symbol.asyncDispose]();
    assert.deepEqual(await opening, []);
    await reached(() => server.open === 0);
  });

  Deno.test(`openAhead() takes no longer than connectTimeoutMs, in ${where}`, async () => {
    await using server = await silentServer();
    await using http = open({
      ...ANY,
      env: () => env(server.port),
      connectTimeoutMs: 200,
    });
    const url = new URL(`https://${host}:${server.port}/`);
    assert.deepEqual(await http.openAhead(url, 3, never()), []);
    await reached(() => server.open === 0);
  });
}

Deno.test("openAhead() leaves no socket behind after 10,000 connections, half of them used", async () => {
  await using server = await rawServer(answer);
  for (let round = 0; round < 20; round++) {
    await using http = open();
    const before = server.accepted;
    assert.equal((await http.openAhead(server.url, 500, never())).length, 500);
    const batch = Array.from({ length: 250 }, () => ask(http, server.url));
    await Promise.all(batch.map(({ settled }) => settled));
    assert.ok(batch.every(({ error }) => error === undefined));
    assert.equal(server.accepted, before + 500);
  }
  await reached(() => server.open === 0);
});
