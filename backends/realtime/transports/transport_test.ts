import assert from "node:assert/strict";
import { systemClock } from "../../../core/clock.ts";
import { isRequestError } from "../../../core/errors.ts";
import {
  agreement,
  created,
  frame,
  type Peer,
  scriptedServer,
  type ScriptOptions,
} from "../../../tests/support/scripted_server.ts";
import { nativeTransport } from "./native.ts";
import type { TlsOptions } from "../../connect/tls.ts";
import type { Socket, SocketEnd, Transport } from "./transport.ts";
import { wsTransport } from "./ws.ts";

const TRANSPORTS = { native: nativeTransport, ws: wsTransport };
const clock = systemClock();
const TRUSTING: TlsOptions = { rejectUnauthorized: true };

interface TestOptions extends ScriptOptions {
  readonly at?: string;
  readonly headers?: Record<string, string>;
}

/** Events of a socket, as a list and one by one. */
interface Ear {
  readonly socket: Socket;
  readonly got: string[];
  readonly opened: Promise<void>;
  readonly ended: Promise<SocketEnd>;
  /** The next message: its text, or `binary:` and its length. */
  next(): Promise<string>;
}

function listen(transport: Transport): Ear {
  const got: string[] = [];
  let wake = Promise.withResolvers<void>();
  let read = 0;
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<SocketEnd>();
  const socket = transport.connect({
    opened: () => opened.resolve(),
    message(data, binary) {
      const text = typeof data === "string"
        ? data
        : new TextDecoder().decode(data);
      got.push(binary ? `binary:${data.length}` : text);
      wake.resolve();
      wake = Promise.withResolvers();
    },
    closed: (end) => ended.resolve(end),
  });
  return {
    socket,
    got,
    opened: opened.promise,
    ended: ended.promise,
    async next() {
      while (read >= got.length) await wake.promise;
      return got[read++]!;
    },
  };
}

const TEXT = 0x81;

/** Violations of RFC 6455 by a server, with the messages of their failures. */
const BROKEN_FRAMES: readonly [string, readonly Uint8Array[], RegExp][] = [
  [
    "text that is not UTF-8",
    [frame(TEXT, Uint8Array.of(0x22, 0xff, 0xfe))],
    /UTF-8/,
  ],
  [
    "a reason that is not UTF-8",
    [frame(0x88, Uint8Array.of(0x03, 0xe8, 0xff))],
    /UTF-8/,
  ],
  ["a reserved bit", [frame(0xc1, "x")], /reserved bits must be 0/],
  ["another reserved bit", [frame(0xa1, "x")], /reserved bits must be 0/],
  ["an unknown opcode", [frame(0x83, "x")], /opcode 3/],
  ["an unknown control opcode", [frame(0x8b, "x")], /opcode 11/],
  ["a masked frame", [frame(TEXT, "x", { mask: true })], /must not be masked/],
  [
    "a continuation of nothing",
    [frame(0x80, "x")],
    /continuation must follow|opcode 0/,
  ],
  [
    "a message within another",
    [frame(0x01, "x"), frame(TEXT, "y")],
    /must end before the next|opcode 1/,
  ],
  ["a ping in fragments", [frame(0x09, "x")], /must not be fragmented/],
  [
    "a ping that is too long",
    [frame(0x89, "x".repeat(126))],
    /longer than 125 bytes|length 126/,
  ],
  [
    "a close code that may not be sent",
    [frame(0x88, Uint8Array.of(0x03, 0xed))],
    /valid code/,
  ],
  [
    "half a close code",
    [frame(0x88, Uint8Array.of(3))],
    /valid code|length 1/,
  ],
];

/** Messages that have no end, or one that is too far. */
const TOO_LARGE: readonly [string, () => Iterable<Uint8Array>][] = [
  [
    "a frame that is too large",
    () => [frame(TEXT, "x", { length: 4 * 1024 * 1024 + 1 })],
  ],
  [
    "a frame that is absurdly large",
    () => [frame(TEXT, "x", { length: 2 ** 60 })],
  ],
  ["endless large fragments", () => fragments(64 * 1024, 1000)],
  ["endless small fragments", () => fragments(1, 20_000)],
  ["endless empty fragments", () => fragments(0, 20_000)],
];

function* fragments(bytes: number, count: number): Iterable<Uint8Array> {
  const payload = new Uint8Array(bytes).fill(0x61);
  yield frame(0x01, payload);
  for (let i = 1; i < count; i++) yield frame(0x00, payload);
}

/** Answers to an upgrade that are not, and what is said of them. */
const BROKEN_UPGRADES: readonly [
  string,
  NonNullable<ScriptOptions["answerUpgrade"]>,
  RegExp,
][] = [
  [
    "an invalid byte in a header",
    (request) => agreement(request, "X-A: a\x01b\r\n"),
    /header/i,
  ],
  [
    "an invalid byte in the header of a refusal",
    () => "HTTP/1.1 401 No\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    /header/i,
  ],
  [
    "an invalid name of a header",
    (request) => agreement(request, "X A: b\r\n"),
    /header/i,
  ],
  ["bytes that are not HTTP", () => "SSH-2.0-OpenSSH_9.2\r\n\r\n", /HTTP/],
  [
    "the answer to another key",
    (request) => agreement(request, "", "another"),
    /Sec-WebSocket-Accept/,
  ],
  [
    "a protocol that nobody asked for",
    (request) => agreement(request, "Sec-WebSocket-Protocol: x\r\n"),
    /protocol/i,
  ],
  [
    "an extension that nobody asked for",
    (request) =>
      agreement(request, "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    /extension/i,
  ],
];

for (const [name, open] of Object.entries(TRANSPORTS)) {
  const test = (
    what: string,
    script: (peer: Peer) => void | Promise<void>,
    body: (ear: Ear, peers: Peer[], transport: Transport) => Promise<void>,
    { at = "/v1/realtime", headers = {}, ...options }: TestOptions = {},
  ) =>
    Deno.test(`${name} transport ${what}`, async () => {
      await using server = await scriptedServer(script, options);
      const url = new URL(`ws://127.0.0.1:${server.port}${at}`);
      await using transport = await open({ url, headers, tls: TRUSTING });
      await body(listen(transport), server.peers, transport);
    });
  const refusal = (
    what: string,
    options: TestOptions,
    check: (end: SocketEnd) => void,
  ) => test(what, () => {}, async ({ ended }) => check(await ended), options);

  test("carries text both ways, in order", async (peer) => {
    peer.send(created);
    for (let i = 0; i < 50; i++) peer.send(await peer.next());
  }, async ({ socket, opened, next }) => {
    await opened;
    assert.deepEqual(JSON.parse(await next()), created);
    const messages = Array.from(
      { length: 50 },
      (_, i) => JSON.stringify({ type: "é→", i }),
    );
    for (const message of messages) socket.send(message);
    for (const message of messages) assert.equal(await next(), message);
  });

  test("carries frames over 1 MiB both ways", async (peer) => {
    await peer.until("big").then((message) => peer.send(message));
  }, async ({ socket, opened, next }) => {
    await opened;
    const big = JSON.stringify({
      type: "big",
      audio: "x".repeat(3 * 1024 * 1024),
    });
    socket.send(big);
    assert.ok(await next() === big);
  });

  // More than wait for a name in line: with slow name servers these took 20 s.
  test(
    "opens many sockets at once",
    () => {},
    async ({ socket, opened }, _, transport) => {
      const startMs = clock.now();
      const more = Array.from({ length: 150 }, () => listen(transport));
      await Promise.all([opened, ...more.map(({ opened }) => opened)]);
      const openMs = clock.now() - startMs;
      assert.ok(openMs < 8000, `${openMs} ms`);
      for (const ear of more) ear.socket.close();
      socket.close();
      await Promise.all(more.map(({ ended }) => ended));
    },
  );

  test(
    "distinguishes a binary frame from text",
    (peer) => peer.send(new Uint8Array(7)),
    async ({ next }) => {
      assert.equal(await next(), "binary:7");
    },
  );

  test("answers pings", async (peer) => {
    await peer.ping();
    peer.send("ponged");
  }, async ({ next }) => assert.equal(await next(), "ponged"));

  test("outlives a flood of pings", async (peer) => {
    await peer.raw(...Array.from({ length: 5000 }, () => frame(0x89, "x")));
    await Promise.race([peer.ping(), peer.ended]);
    peer.send("still there");
  }, async ({ next, ended }) => {
    assert.equal(await Promise.race([next(), ended]), "still there");
  });

  for (const code of [1000, 1001, 1008, 1009, 1011, 1012, 4000]) {
    test(
      `receives a close with ${code}`,
      (peer) => peer.close(code, "why"),
      async ({ ended }) => {
        const { code: got, reason } = await ended;
        assert.deepEqual([got, reason], [code, "why"]);
      },
    );
  }

  test("receives messages sent right before the end", (peer) => {
    for (let i = 0; i < 20; i++) peer.send(String(i));
    peer.close(1011);
  }, async ({ got, ended }) => {
    await ended;
    assert.equal(got.length, 20);
  });

  test("reports a dropped socket as 1006", async (peer) => {
    await peer.next();
    peer.drop();
  }, async ({ socket, opened, ended }) => {
    await opened;
    socket.send("{}");
    assert.equal((await ended).code, 1006);
  });

  test(
    "says goodbye with 1000",
    () => {},
    async ({ socket, opened, ended }, peers) => {
      await opened;
      socket.close();
      assert.equal((await peers[0]!.ended).code, 1000);
      await ended;
      socket.send("{}");
      socket.close();
    },
  );

  test(
    "lets go of a server that does not answer goodbye",
    (peer) => peer.pause(),
    async ({ socket, opened, ended }) => {
      await opened;
      socket.close();
      await ended;
    },
  );

  test(
    "gives up a socket that is not open yet",
    () => {},
    async ({ socket, ended }) => {
      socket.close();
      assert.equal((await ended).code, 1006);
    },
    { ignoreUpgrades: true },
  );

  test(
    "gives up a socket whose upgrade is not answered",
    () => {},
    async ({ socket, ended }, _, transport) => {
      const other = listen(transport);
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.close();
      other.socket.close();
      await Promise.all([ended, other.ended]);
    },
    { ignoreUpgrades: true },
  );

  test(
    "counts what a server does not read",
    (peer) => peer.pause(),
    async ({ socket, opened, ended }) => {
      await opened;
      const text = "x".repeat(1024 * 1024);
      for (let i = 0; i < 32; i++) socket.send(text);
      assert.ok(
        socket.bufferedBytes() > 8 * 1024 * 1024,
        String(socket.bufferedBytes()),
      );
      socket.close();
      await ended;
    },
  );

  refusal("reports status and body of a refused upgrade", {
    refuse: () => ({ status: 401, body: '{"error":"who are you?"}' }),
  }, ({ code, refusal }) => {
    assert.equal(code, 1006);
    assert.deepEqual(refusal, {
      status: 401,
      body: '{"error":"who are you?"}',
    });
  });

  refusal(
    "reports the body of a chunked refusal",
    {
      refuse: () => ({ status: 503, body: "later, maybé", chunked: true }),
    },
    ({ refusal }) =>
      assert.deepEqual(refusal, { status: 503, body: "later, maybé" }),
  );

  refusal(
    "reports how long a refusal asks to wait",
    {
      refuse: () => ({ status: 429, retryAfter: "2" }),
    },
    ({ refusal }) =>
      assert.deepEqual(refusal, { status: 429, body: "", retryAfterMs: 2000 }),
  );

  refusal("reports a refusal without a body", {
    refuse: () => ({ status: 403 }),
  }, ({ refusal }) => assert.deepEqual(refusal, { status: 403, body: "" }));

  refusal(
    "keeps the beginning of a long refusal",
    {
      refuse: () => ({ status: 500, body: "x".repeat(100_000) }),
    },
    ({ refusal }) =>
      assert.deepEqual(refusal, { status: 500, body: "x".repeat(2048) }),
  );

  refusal("follows no redirect", {
    refuse: () => ({ status: 302, body: "elsewhere" }),
  }, ({ refusal }) => assert.equal(refusal?.status, 302));

  for (const [what, bytes, says] of BROKEN_FRAMES) {
    test(`ends a socket at ${what}, and says so`, async (peer) => {
      await peer.raw(frame(TEXT, "before"), ...bytes);
    }, async ({ ended, got }) => {
      const { code, error } = await ended;
      assert.deepEqual(got, ["before"]);
      assert.equal(code, 1006);
      assert.ok(isRequestError(error));
      assert.equal(error.class, "protocol_error", error.message);
      assert.match(error.message, /^The server broke the WebSocket proto/);
      assert.match(error.message, says);
    });
  }

  for (const [what, bytes] of TOO_LARGE) {
    test(`ends a socket at ${what}, and says so`, async (peer) => {
      await peer.raw(frame(TEXT, "before"), ...bytes());
    }, async ({ ended, got }, peers) => {
      const { error } = await ended;
      assert.deepEqual(got, ["before"]);
      assert.ok(isRequestError(error));
      assert.equal(error.class, "too_large");
      assert.match(
        error.message,
        /4 MiB, or in more than 16384 fragments/,
      );
      await peers[0]!.ended; // the server is read no further
    });
  }

  test(
    "takes messages up to the limit, whole and in fragments",
    async (peer) => {
      const half = new Uint8Array(2 * 1024 * 1024).fill(0x61);
      await peer.raw(frame(0x01, half), frame(0x80, half));
      const some = new Uint8Array(1024).fill(0x62);
      await peer.raw(frame(0x01, some));
      for (let i = 0; i < 3000; i++) await peer.raw(frame(0x00, some));
      await peer.raw(frame(0x89, "ping"), frame(0x80, "end"));
    },
    async ({ next, socket, ended }) => {
      assert.equal((await next()).length, 4 * 1024 * 1024);
      assert.equal((await next()).length, 3001 * 1024 + 3);
      socket.close();
      assert.equal(isRequestError((await ended).error), false);
    },
  );

  for (const [what, answerUpgrade, says] of BROKEN_UPGRADES) {
    refusal(`ends an upgrade at ${what}, and says so`, {
      answerUpgrade,
    }, ({ code, error }) => {
      assert.equal(code, 1006);
      assert.ok(isRequestError(error));
      assert.equal(error.class, "protocol_error", error.message);
      assert.match(error.message, /^The server's answer to the upgrade is/);
      assert.match(error.message, says);
    });
  }

  Deno.test(`${name} transport reports that the port is closed`, async () => {
    const server = await scriptedServer(() => {});
    await server[Symbol.asyncDispose]();
    await using transport = await open({
      url: new URL(`ws://127.0.0.1:${server.port}/`),
      headers: {},
      tls: TRUSTING,
    });
    const { error, refusal } = await listen(transport).ended;
    assert.equal(
      (error as { code?: string } | undefined)?.code,
      "ECONNREFUSED",
    );
    assert.equal(refusal, undefined);
  });

  test(
    "sends the headers it was given, path and query too, and none of its own",
    () => {},
    async ({ opened, socket, ended }, peers) => {
      await opened;
      const { headers, url, socket: { localPort: port } } = peers[0]!.request;
      assert.equal(url, "/p/v1/realtime?k=v");
      assert.equal(headers["x-one"], "$&1");
      assert.equal(headers.authorization, "Bearer key");
      assert.equal(headers.host, `127.0.0.1:${port}`);
      assert.equal(headers["sec-websocket-extensions"], undefined);
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.includes("earshot")),
        [],
      );
      socket.close();
      await ended;
    },
    {
      headers: { "X-One": "$&1", Authorization: "Bearer key" },
      at: "/p/v1/realtime?k=v",
    },
  );

  const tlsTest = (
    what: string,
    tls: TlsOptions,
    check: (ear: Ear) => Promise<void>,
    { requestCert = false, host = "localhost" } = {},
  ) =>
    Deno.test(`${name} transport ${what}`, async () => {
      const [ca, cert, key] = await Promise.all(
        ["ca.pem", "server.pem", "server.key"].map(pem),
      );
      await using server = await scriptedServer((peer) => peer.send("hello"), {
        tls: {
          cert: cert!,
          key: key!,
          ...(requestCert && { ca: ca!, requestCert }),
        },
      });
      await using transport = await open({
        url: new URL(`wss://${host}:${server.port}/v1/realtime`),
        headers: {},
        tls,
      });
      await check(listen(transport));
    });
  const receives = async ({ next }: Ear) => assert.equal(await next(), "hello");

  tlsTest("trusts a CA of one's own", {
    ca: await pem("ca.pem"),
    rejectUnauthorized: true,
  }, receives);
  tlsTest(
    "trusts a certificate of an IP address",
    {
      ca: await pem("ca.pem"),
      rejectUnauthorized: true,
    },
    receives,
    { host: "127.0.0.1" },
  );
  tlsTest(
    "takes any certificate if asked to",
    { rejectUnauthorized: false },
    receives,
  );
  tlsTest("distrusts an unknown CA", TRUSTING, async ({ ended, got }) => {
    const { error, code } = await ended;
    assert.deepEqual([got, code], [[], 1006]);
    assert.match(
      `${error?.message} ${(error as { code?: string }).code}`,
      /issuer|certificate|self.signed|CERT/i,
    );
  });
  tlsTest(
    "shows a client's certificate",
    {
      ca: await pem("ca.pem"),
      cert: await pem("client.pem"),
      key: await pem("client.key"),
      rejectUnauthorized: true,
    },
    receives,
    { requestCert: true },
  );
  tlsTest("is refused without the client's certificate that is asked for", {
    ca: await pem("ca.pem"),
    rejectUnauthorized: true,
  }, async ({ ended, got }) => {
    assert.equal((await ended).code, 1006);
    assert.deepEqual(got, []);
  }, { requestCert: true });

  // Alone, native would take 41 ms: its small frame waits for the acknowledgement of the one before.
  Deno.test(`${name} transport sends a commit right behind an append`, async () => {
    const arrivals: number[] = [];
    await using server = await scriptedServer(async (peer) => {
      while (true) {
        await peer.until("append");
        await peer.until("commit");
        peer.send("done");
      }
    });
    await using transport = await open({
      url: new URL(`ws://127.0.0.1:${server.port}/`),
      headers: {},
      tls: TRUSTING,
    });
    const { socket, opened, next } = listen(transport);
    await opened;
    const append = JSON.stringify({ type: "append", audio: "x".repeat(4268) });
    const commit = JSON.stringify({ type: "commit", final: true });
    for (let i = 0; i < 11; i++) {
      const sentMs = clock.now();
      socket.send(append);
      socket.send(commit);
      await next();
      arrivals.push(clock.now() - sentMs);
      await clock.sleepUntil(clock.now() + 10);
    }
    const median = arrivals.sort((a, b) => a - b)[5]!;
    assert.ok(median < 15, `median ${median} ms`);
  });
}

// On many machines NO_PROXY names 127.0.0.1, and Deno goes around any proxy to what it names.
Deno.test("native transport goes by its relay whatever NO_PROXY names", async () => {
  await using server = await scriptedServer((peer) => peer.send("hello"));
  const program = `
    const { nativeTransport } = await import("${
    import.meta.resolve("./native.ts")
  }");
    const url = new URL("${server.url.replace("http", "ws")}/v1/realtime");
    const options = { url, headers: {}, tls: { rejectUnauthorized: true } };
    const transport = await nativeTransport(options);
    const { promise, resolve } = Promise.withResolvers();
    transport.connect({ opened() {}, message: resolve, closed: (end) => resolve(end.error) });
    console.log(await promise);
    await transport[Symbol.asyncDispose]();
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    cwd: new URL("../../..", import.meta.url),
    env: { NO_PROXY: "127.0.0.1,localhost", NO_COLOR: "1" },
    stderr: "inherit",
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "hello\n");
  assert.equal(
    server.peers[0]!.request.headers.host,
    `127.0.0.1:${server.port}`,
  );
});

function pem(name: string): Promise<string> {
  return Deno.readTextFile(
    new URL(`../../connect/testdata/${name}`, import.meta.url),
  );
}
