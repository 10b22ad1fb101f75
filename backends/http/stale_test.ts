// Used connections that the server closes: what is sent again, how often, and what never is.

import assert from "node:assert/strict";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { ConnectionPool, type ConnectionUser } from "./connections.ts";
import type { Http, HttpOptions } from "./http.ts";
import { exchange } from "./transport.ts";
import { routeTo } from "../connect/dial.ts";
import {
  ask,
  asked,
  clock,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import {
  type Peer,
  rawServer,
  type Script,
} from "../../tests/support/raw_server.ts";
import { pem } from "../../tests/support/certificate.ts";

const CERTIFICATE = { cert: pem("server.pem"), key: pem("server.key") };
const ANY = { tls: { rejectUnauthorized: false } };

/** Answers the first `good` requests; what becomes of the others is up to the script. */
function after(good: number, script: Script): Script {
  let count = 0;
  return (peer) => ++count > good ? script(peer) : peer.answer("{}");
}

const close = ({ socket }: Peer) => void socket.destroy();

Deno.test("exchange() sends a request again on a new connection where a used one closes under it", async () => {
  await using server = await rawServer(
    after(
      4,
      (peer) => server.peers.length === 5 ? close(peer) : peer.answer("{}"),
    ),
  );
  await using http = open();
  for (let i = 0; i < 2; i++) {
    await Promise.all([asked(http, server.url), asked(http, server.url)]);
  }
  assert.equal(server.accepted, 2);
  const startMs = clock.now();
  const got = await asked(http, server.url, { body: '{"a":1}' });
  assert.deepEqual([got.error, got.retried, got.bodies.length], [
    undefined,
    1,
    1,
  ]);
  // Another connection lay idle: it may have been closed as well.
  const [first, second] = server.peers.slice(4);
  assert.ok(first!.connection < 2);
  assert.equal(second!.connection, 2);
  assert.equal(second!.head, first!.head);
  assert.deepEqual(second!.body, first!.body);
  assert.equal(server.peers.length, 6);
  const { connected, requestSent, headers } = got.marks;
  const times = [startMs, connected!, requestSent!, headers!, got.endedMs!];
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.deepEqual(got.late, []);
});

Deno.test("exchange() says so and sends nothing again if retryStale is false", async () => {
  await using server = await rawServer(after(1, close));
  await using http = open({ retryStale: false });
  await asked(http, server.url);
  const got = await asked(http, server.url);
  const [failure, , message] = failureOf(got);
  assert.equal(failure, "stale_connection");
  assert.match(
    message!,
    /reused, after \d+ ms idle \(retryStale=true/,
  );
  assert.deepEqual([server.peers.length, got.retried], [2, 0]);
});

Deno.test("exchange() sends a request twice at most", async () => {
  await using server = await rawServer(after(1, close));
  await using http = open();
  await asked(http, server.url);
  const got = await asked(http, server.url);
  assert.equal(failureOf(got)[0], "closed");
  assert.deepEqual([server.peers.length, got.retried], [3, 1]);
  assert.equal(server.accepted, 2);
});

Deno.test("exchange() forgets when a request was sent whose second connection cannot be had", async () => {
  const server = await rawServer(after(1, (peer) => {
    server[Symbol.asyncDispose]();
    close(peer);
  }));
  await using http = open();
  await asked(http, server.url);
  const got = await asked(http, server.url);
  assert.deepEqual(failureOf(got).slice(0, 2), [
    "connect_error",
    "ECONNREFUSED",
  ]);
  assert.deepEqual([got.marks, got.retried], [{}, 1]);
});

for (
  const [what, bytes] of [
    ["a byte of the status line", "H"],
    ["half a status line", "HTTP/1.1 2"],
    ["half of the headers", "HTTP/1.1 200 OK\r\ncontent-"],
    ["an informational response", "HTTP/1.1 103 Early Hints\r\n\r\n"],
    ["a body that is cut", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"],
  ] as const
) {
  for (const how of ["by a FIN", "by a reset", "over TLS"]) {
    Deno.test(`exchange() sends nothing again once ${what} has come, ${how}`, async () => {
      await using server = await rawServer(
        after(1, async ({ send, socket }) => {
          await send(bytes);
          if (how !== "by a reset") return void socket.end();
          // A reset that overtakes the byte would have nobody know of it.
          await reached(() => pending.marks.requestSent !== undefined);
          await clock.sleepUntil(clock.now() + 20);
          socket.resetAndDestroy();
        }),
        how === "over TLS" ? { tls: CERTIFICATE } : {},
      );
      await using http = open(ANY);
      await asked(http, server.url);
      const pending = ask(http, server.url);
      await pending.settled;
      assert.equal(failureOf(pending)[0], "closed", pending.error?.message);
      assert.deepEqual([server.peers.length, pending.retried], [2, 0]);
      assert.equal(server.accepted, 1);
    });
  }
}

Deno.test("exchange() sends nothing again that the server had for long", async () => {
  let shiftMs = 0;
  const later = { ...clock, now: () => clock.now() + shiftMs };
  await using server = await rawServer(after(1, async (peer) => {
    await reached(() => pending.marks.requestSent !== undefined);
    shiftMs = 1500;
    close(peer);
  }));
  await using http = open();
  await asked(http, server.url);
  const pending = ask(http, server.url, { clock: later });
  await pending.settled;
  assert.equal(failureOf(pending)[0], "closed");
  assert.deepEqual([server.peers.length, pending.retried], [2, 0]);
});

Deno.test("exchange() sends a half-written request again", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
  const answer = new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
  );
  const body = new Uint8Array(24 * 1024 * 1024);
  await using http = open();
  const first = ask(http, url);
  const used = await listener.accept();
  const buffer = new Uint8Array(1024 * 1024);
  await used.read(buffer);
  await used.write(answer);
  await first.settled;
  const pending = ask(http, url, { body });
  await used.read(new Uint8Array(1));
  assert.equal(pending.marks.requestSent, undefined);
  used.close();
  const next = await listener.accept();
  for (let bytes = 0; bytes < body.length;) {
    bytes += await next.read(buffer) ?? Infinity;
  }
  await next.write(answer);
  await pending.settled;
  assert.deepEqual([pending.error, pending.retried], [undefined, 1]);
  assert.ok(pending.marks.requestSent! >= pending.marks.connected!);
  next.close();
  listener.close();
});

Deno.test("exchange() does not send again what an abort or the end of the transport has cut off", async () => {
  await using server = await rawServer(after(2, () => {}));
  const http = open();
  await Promise.all([asked(http, server.url), asked(http, server.url)]);
  const controller = new AbortController();
  const aborted = ask(http, server.url, { signal: controller.signal });
  const ended = ask(http, server.url);
  await server.until(() => server.peers.length === 4);
  controller.abort(new Error("enough"));
  await aborted.settled;
  await http[Symbol.asyncDispose]();
  await ended.settled;
  assert.equal(aborted.error?.message, "enough");
  assert.equal(failureOf(ended)[0], "closed");
  assert.deepEqual([aborted.retried, ended.retried], [0, 0]);
  await server.until(() => server.open === 0);
  assert.equal(server.peers.length, 4);
});

Deno.test("exchange() uses no connection again that the server has closed behind a response", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  let requests = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      requests++;
      const text =
        "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5, max=100\r\ncontent-length: 2\r\n\r\n{}";
      await connection.write(new TextEncoder().encode(text));
      // At once, as far as the system is concerned: the response has not been read yet.
      connection.close();
    }
  })();
  const http = open({ retryStale: false });
  for (let i = 0; i < 100; i++) {
    const { error } = await asked(http, new URL(`http://127.0.0.1:${port}/`));
    assert.equal(error, undefined);
  }
  assert.equal(requests, 100);
  await http[Symbol.asyncDispose]();
  listener.close();
  await serving;
});

Deno.test("a connection reports nothing more once it was closed", async () => {
  await using server = await rawServer(() => {});
  const { dial } = routeTo(server.url, {
    ...ANY,
    http2: false,
    env: () => undefined,
  });
  await using connections = new ConnectionPool(dial, {
    reuse: true,
    retryStale: true,
  });
  const connection = connections.take();
  const reported: string[] = [];
  const user: ConnectionUser = {
    connecting: () => void reported.push("connecting"),
    connected: () => void reported.push("connected"),
    onConnect: () => void reported.push("written"),
    onRequestSent: () => void reported.push("sent"),
    onRead: () => {},
    onHeaders: () => {},
    onData: () => {},
    onComplete: () => void reported.push("complete"),
    // Closing a connection reports the request on it as failed.
    onError() {
      reported.push("error");
      connection.close();
    },
  };
  connection.dispatch(
    { path: "/", headers: [], contentType: "a/b", body: "{}" },
    user,
  );
  await server.until(() => server.peers.length === 1);
  server.peers[0]!.socket.destroy();
  await server.until(() => server.open === 0);
  await reached(() => reported.includes("error"));
  await connection.wire?.destroy();
  const expected = ["connecting", "connected", "written", "sent", "error"];
  assert.deepEqual(reported, expected);
});

Deno.test("exchange() moves a request of a used connection that is lost before it is written", async () => {
  const users: ConnectionUser[] = [];
  const gone = new Error("gone");
  const connection = (idleSinceMs: number | undefined) => ({
    idleSinceMs,
    isReady: () => false,
    dispatch: (_request: unknown, user: ConnectionUser) =>
      void users.push(user),
    close: () => {},
  });
  const connections = {
    isClosed: false,
    take: () => connection(0),
    open: () => connection(undefined),
  } as unknown as ConnectionPool;
  const route = {
    url: new URL("http://h/"),
    path: "/",
    headers: [],
    connections,
  };
  const options = {
    connectTimeoutMs: 1000,
    retryStale: true,
    clean: (text: string) => text,
  };
  const http: Pick<Http, "exchange"> = {
    exchange: (request, call, reader) =>
      exchange(route, request, { call, reader, options }),
  };
  const pending = ask(http, route.url);
  users[0]!.onError(gone);
  assert.deepEqual([users.length, pending.retried], [2, 0]);
  users[1]!.onError(gone);
  await pending.settled;
  assert.equal(failureOf(pending)[0], "connect_error");
  assert.equal(users.length, 2);
});

type Http2Script = (stream: ServerHttp2Stream, socket: Socket) => void;

/** A server of HTTP/2 that answers each request, but for those of the test, from 1. */
async function http2Server(scripts: Readonly<Record<number, Http2Script>>) {
  const sockets: Socket[] = [];
  const server = createSecureServer(CERTIFICATE);
  let requests = 0;
  server.on("secureConnection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  server.on("session", (session) => session.on("error", () => {}));
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    const script = scripts[++requests];
    if (script) return script(stream, sockets[0]!);
    stream.respond({ ":status": 200 });
    stream.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`https://127.0.0.1:${port}/`),
    get requests() {
      return requests;
    },
    /** Connections so far. */
    get accepted() {
      return sockets.length;
    },
    /** Connections that are open. */
    get open() {
      return sockets.filter(({ destroyed }) => !destroyed).length;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const HTTP2: Partial<HttpOptions> = { ...ANY, http2: true };

/** Refusals of a request that was not processed, as in RFC 9113. */
const refuse = (stream: ServerHttp2Stream) => stream.close(7);

for (
  const [what, second, requests] of [
    ["closes without a word", (_, socket) => void socket.destroy(), 3],
    ["did not look at it", ({ session }) => {
      // What was handled last is the request before.
      session!.goaway(0, 1);
      session!.destroy();
    }, 3],
    ["may have looked at it", ({ session }) => session!.destroy(), 2],
    ["refuses it alone", refuse, 3],
    ["refuses what it had begun to answer", async (stream) => {
      stream.additionalHeaders({ ":status": 103 });
      await clock.sleepUntil(clock.now() + 20);
      refuse(stream);
    }, 2],
    ["has begun to answer", (stream) => {
      const { session } = stream;
      stream.respond({ ":status": 200 });
      session!.destroy();
    }, 2],
  ] satisfies [string, Http2Script, number][]
) {
  Deno.test(`exchange() sends a request of HTTP/2 ${requests === 3 ? "again" : "once"} where the server ${what}`, async () => {
    await using server = await http2Server({ 2: second });
    await using http = open(HTTP2);
    await asked(http, server.url);
    const got = await asked(http, server.url);
    const isAgain = requests === 3;
    assert.equal(failureOf(got)[0], isAgain ? undefined : "closed");
    assert.deepEqual([server.requests, got.retried], [
      requests,
      isAgain ? 1 : 0,
    ]);
  });
}

Deno.test("exchange() leaves a connection that refused a request, and asks on a new one", async () => {
  await using server = await http2Server({ 2: refuse });
  await using http = open(HTTP2);
  await asked(http, server.url);
  const got = await asked(http, server.url);
  assert.deepEqual([got.error, got.retried, got.bodies.length], [
    undefined,
    1,
    1,
  ]);
  assert.ok(got.marks.connected! <= got.marks.requestSent!);
  await reached(() => server.open === 1);
  await asked(http, server.url);
  assert.deepEqual([server.accepted, server.requests], [2, 4]);
});

Deno.test("exchange() sends a request again that a new connection refused", async () => {
  await using server = await http2Server({ 1: refuse });
  await using http = open(HTTP2);
  const got = await asked(http, server.url);
  assert.deepEqual([got.error, got.retried], [undefined, 1]);
  assert.deepEqual([server.accepted, server.requests], [2, 2]);
  await reached(() => server.open === 1);
});

Deno.test("exchange() sends a request again that was refused late", async () => {
  let shiftMs = 0;
  const later = { ...clock, now: () => clock.now() + shiftMs };
  await using server = await http2Server({
    1: async (stream) => {
      await reached(() => pending.marks.requestSent !== undefined);
      shiftMs = 5000;
      refuse(stream);
    },
  });
  await using http = open(HTTP2);
  const pending = ask(http, server.url, { clock: later });
  await pending.settled;
  assert.deepEqual([pending.error, pending.retried], [undefined, 1]);
});

for (
  const [what, used, retryStale, refused] of [
    ["is refused a second time", false, true, 2],
    ["is refused a second time, first on a used connection", true, true, 2],
    ["is refused where nothing is sent again", true, false, 1],
  ] as const
) {
  Deno.test(`exchange() fails a request that ${what}`, async () => {
    const good = used ? 1 : 0;
    await using server = await http2Server({
      [good + 1]: refuse,
      ...(refused === 2 && { [good + 2]: refuse }),
    });
    await using http = open({ ...HTTP2, retryStale });
    if (used) await asked(http, server.url);
    const got = await asked(http, server.url);
    const [failure, , message] = failureOf(got);
    assert.equal(failure, "closed");
    assert.match(
      message!,
      /^The server refused the request without processing/,
    );
    assert.deepEqual([got.retried, server.requests], [
      refused - 1,
      good + refused,
    ]);
    await reached(() => server.open === 0);
  });
}
