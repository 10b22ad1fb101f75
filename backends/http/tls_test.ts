import assert from "node:assert/strict";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { dial } from "../connect/dial.ts";
import type { TlsOptions } from "../connect/tls.ts";
import type { HttpOptions } from "./http.ts";
import { http2Wire } from "./wire.ts";
import {
  ask,
  asked,
  clock,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";
import { pem } from "../../tests/support/certificate.ts";

const SERVER = { cert: pem("server.pem"), key: pem("server.key") };
const TRUST: TlsOptions = { ca: pem("ca.pem"), rejectUnauthorized: true };
const CLIENT = { cert: pem("client.pem"), key: pem("client.key") };

for (
  const [what, tls] of [
    ["a certificate of an authority that is given", TRUST],
    ["any certificate if insecure", { rejectUnauthorized: false }],
  ] satisfies [string, TlsOptions][]
) {
  Deno.test(`exchange() takes ${what}, and is connected once TLS is`, async () => {
    await using server = await rawServer((peer) => peer.answer("{}"), {
      tls: SERVER,
    });
    await using http = open({ tls });
    const startMs = clock.now();
    const { marks, error, bodies } = await asked(http, server.url);
    assert.equal(error, undefined);
    assert.equal(bodies.length, 1);
    const times = [
      startMs,
      marks.connected!,
      marks.requestSent!,
      marks.headers!,
      marks.firstByte!,
    ];
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
    assert.equal((await asked(http, server.url)).marks.connected, undefined);
    assert.equal(server.accepted, 1);
  });
}

Deno.test("exchange() knows a server by its name too", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"), {
    tls: SERVER,
  });
  await using http = open({ tls: TRUST });
  const url = new URL(server.url.href.replace("127.0.0.1", "localhost"));
  assert.equal((await asked(http, url)).error, undefined);
});

Deno.test("exchange() says which certificate problem there is, and what to do", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"), {
    tls: SERVER,
  });
  await using http = open();
  const [failure, code, message] = failureOf(await asked(http, server.url));
  assert.deepEqual([failure, code], [
    "connect_error",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ]);
  assert.equal(
    message,
    'Cannot connect: UNABLE_TO_VERIFY_LEAF_SIGNATURE: the issuer of the server\'s certificate is "earshot test CA", whose certificate is neither trusted nor sent by the server (caCert names the certificates to trust, insecure=true accepts any)',
  );
});

Deno.test("exchange() says so where the certificate is of another name", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"), {
    tls: SERVER,
  });
  await using http = open({ tls: TRUST });
  const url = new URL(server.url.href.replace("127.0.0.1", "[::ffff:7f00:1]"));
  const [failure, code, message] = failureOf(await asked(http, url));
  assert.deepEqual([failure, code], [
    "connect_error",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ]);
  assert.match(
    message!,
    /is for localhost, 127\.0\.0\.1, not for ::ffff:7f00:1 \(target must/,
  );
});

Deno.test("exchange() shows a client's certificate to a server that wants one", async () => {
  const tls = { ...SERVER, ca: TRUST.ca!, requestCert: true };
  await using server = await rawServer((peer) => peer.answer("{}"), { tls });
  await using http = open({ tls: { ...TRUST, ...CLIENT } });
  assert.equal((await asked(http, server.url)).error, undefined);
  await using without = open({ tls: TRUST });
  const got = await asked(without, server.url);
  assert.ok(["closed", "connect_error"].includes(failureOf(got)[0]!));
});

Deno.test("exchange() says so where it speaks https to a server of http", async () => {
  await using server = await rawServer(() => {}, { pause: true });
  await using http = open({ tls: TRUST });
  const url = new URL(server.url.href.replace("http:", "https:"));
  const pending = ask(http, url);
  await server.until(() => server.accepted === 1);
  server.sockets[0]!.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  await pending.settled;
  const [failure, code, message] = failureOf(pending);
  assert.deepEqual([failure, code], [
    "connect_error",
    "ERR_SSL_WRONG_VERSION_NUMBER",
  ]);
  assert.match(message!, /may speak http, not https/);
});

Deno.test("exchange() says so where it speaks http to a server of https", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"), {
    tls: SERVER,
  });
  await using http = open();
  const url = new URL(server.url.href.replace("https:", "http:"));
  const [failure, , message] = failureOf(await asked(http, url));
  assert.equal(failure, "protocol_error", message);
  assert.match(message!, /must speak HTTP/);
});

for (
  const [what, url, code, words] of [
    [
      "nobody listens",
      "http://127.0.0.1:1/",
      "ECONNREFUSED",
      /is the server running/,
    ],
    [
      "there is no such host",
      "http://nohost.invalid/",
      "ENOTFOUND",
      /unknown host/,
    ],
  ] as const
) {
  Deno.test(`exchange() fails as connect_error where ${what}`, async () => {
    await using http = open();
    const got = await asked(http, new URL(url));
    assert.deepEqual(failureOf(got).slice(0, 2), ["connect_error", code]);
    assert.match(got.error!.message, words);
    assert.deepEqual(got.marks, {});
  });
}

/** A server of HTTP/2 that streams, and knows its sessions. */
async function http2Server() {
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const server = createSecureServer({ ...SERVER, allowHTTP1: false });
  let accepted = 0;
  let cut = () => {};
  server.on("session", (session) => {
    accepted++;
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":path"] === "/silent") return;
    if (headers[":path"] === "/drop") return stream.session?.destroy();
    if (headers[":path"]?.startsWith("/early/")) {
      const count = Number(headers[":path"].slice("/early/".length));
      for (let i = 0; i < count && !stream.destroyed; i++) {
        stream.additionalHeaders({ ":status": 103 });
      }
    }
    stream.respond({ ":status": 200, "content-type": "text/event-stream" });
    stream.write("data: 1\n\n");
    if (headers[":path"] === "/cut") {
      return cut = () => stream.session?.destroy();
    }
    stream.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path: string) => new URL(`https://127.0.0.1:${port}${path}`),
    /** Drops the connection of the last request to `/cut`. */
    cut: () => cut(),
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const HTTP2: Partial<HttpOptions> = { tls: TRUST, http2: true };

Deno.test("exchange() speaks HTTP/2, one request on a connection at a time", async () => {
  await using server = await http2Server();
  await using http = open(HTTP2);
  const url = server.url("/");
  const first = await asked(http, url);
  assert.equal(first.error, undefined);
  assert.deepEqual(first.events.map(({ data }) => data), ["1", "[DONE]"]);
  const { connected, requestSent, headers, firstByte } = first.marks;
  const times = [connected!, requestSent!, headers!, firstByte!];
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  const many = await Promise.all(
    Array.from({ length: 5 }, () => asked(http, url)),
  );
  for (const { error } of many) assert.equal(error, undefined);
  assert.ok(server.accepted >= 5);
});

Deno.test("exchange() passes over informational responses of HTTP/2, unless they have no end", async () => {
  await using server = await http2Server();
  await using http = open(HTTP2);
  const few = await asked(http, server.url("/early/3"));
  assert.deepEqual(few.events.map(({ data }) => data), ["1", "[DONE]"]);
  const many = await asked(http, server.url("/early/1001"));
  assert.deepEqual(failureOf(many), [
    "protocol_error",
    undefined,
    "The server sent more than 1000 informational responses, the last with status 103, and no response",
  ]);
  await reached(() => server.open <= 1);
});

Deno.test("exchange() uses a connection of HTTP/2 again", async () => {
  await using server = await http2Server();
  await using http = open(HTTP2);
  const url = server.url("/");
  let next = await asked(http, url, { last: () => false });
  next = await asked(http, url, { last: () => false });
  assert.equal(next.error, undefined);
  assert.equal(next.marks.connected, undefined);
  assert.equal(server.accepted, 1);
});

Deno.test("http2Wire() reports a request that cannot be sent, on a new connection and on a used one", async () => {
  await using server = await http2Server();
  const url = server.url("/");
  const way = { url, tls: TRUST, http2: true, tunnel: undefined };
  const socket = await new Promise<Socket>((resolve, reject) =>
    dial(way, (error, socket) => error ? reject(error) : resolve(socket))
  );
  const wire = http2Wire(socket, url, { reuse: true, lost: () => {} });
  for (let i = 0; i < 2; i++) {
    const error = await new Promise<Error>((onError) =>
      wire.dispatch(
        { path: "/", headers: ["te", "gzip"], contentType: "a/b", body: "{}" },
        {
          onConnect: () => {},
          onRequestSent: () => {},
          onRead: () => {},
          onHeaders: () => {},
          onData: () => {},
          onComplete: () => {},
          onError,
        },
      )
    );
    assert.match(error.message, /forbidden: "te"/);
  }
  await wire.destroy();
});

Deno.test("exchange() aborts a request of HTTP/2 and closes its connection", async () => {
  await using server = await http2Server();
  await using http = open(HTTP2);
  const controller = new AbortController();
  const pending = ask(http, server.url("/silent"), {
    signal: controller.signal,
  });
  await reached(() => pending.marks.requestSent !== undefined);
  const reason = new Error("enough");
  controller.abort(reason);
  await pending.settled;
  assert.equal(pending.error, reason);
  await reached(() => server.open === 0);
});

Deno.test("exchange() sends nothing again where a connection of HTTP/2 is lost", async () => {
  await using server = await http2Server();
  await using http = open(HTTP2);
  const got = await asked(http, server.url("/drop"));
  assert.equal(failureOf(got)[0], "closed", got.error?.message);
  await reached(() => server.open === 0);
  assert.equal(server.accepted, 1);
});

Deno.test("exchange() takes no lost connection of HTTP/2 for the end of a stream", async () => {
  await using server = await http2Server();
  await using http = open(HTTP2);
  const pending = ask(http, server.url("/cut"));
  await reached(() => pending.events.length === 1);
  server.cut();
  await pending.settled;
  assert.equal(failureOf(pending)[0], "closed", pending.error?.message);
  assert.equal(server.accepted, 1);
});

Deno.test("exchange() falls back to HTTP/1.1 where a server speaks no other", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"), {
    tls: { ...SERVER, ALPNProtocols: ["http/1.1"] },
  });
  await using http = open(HTTP2);
  assert.equal((await asked(http, server.url)).error, undefined);
  assert.match(server.peers[0]!.head, /HTTP\/1\.1/);
});

Deno.test("exchange() blames a server that agrees to HTTP/2 and does not speak it", async () => {
  await using server = await rawServer(() => {}, {
    tls: { ...SERVER, ALPNProtocols: ["h2"] },
    pause: true,
  });
  await using http = open(HTTP2);
  const pending = ask(http, server.url);
  await server.until(() => server.accepted === 1);
  server.sockets[0]!.write("HTTP/1.1 200 OK\r\n\r\nThis is not HTTP/2.");
  await pending.settled;
  assert.equal(failureOf(pending)[0], "protocol_error", pending.error?.message);
});
