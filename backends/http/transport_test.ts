import assert from "node:assert/strict";
import { MAX_BODY_BYTES } from "../connect/content.ts";
import {
  ask,
  type Asked,
  asked,
  clock,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import { rawServer, type Script } from "../../tests/support/raw_server.ts";

const event = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;
const DONE = "data: [DONE]\n\n";
const JSON_TYPE = ["content-type: application/json"];

Deno.test("exchange() sends a POST with its headers, type, length and body", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open({
    headers: { Authorization: "Bearer k" },
  });
  await asked(http, server.url, { contentType: "text/plain", body: "é" });
  const [{ head, body }] = server.peers as [typeof server.peers[0]];
  assert.deepEqual(head.toLowerCase().split("\r\n"), [
    "post /v1/x?a=b http/1.1",
    `host: 127.0.0.1:${server.port}`,
    "connection: keep-alive",
    "authorization: bearer k",
    "accept-encoding: identity",
    "content-type: text/plain",
    "content-length: 2",
  ]);
  assert.equal(body.toString(), "é");
});

Deno.test("exchange() hands a whole body over once, with the time of its last read", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n", '{"a"');
    await reached(() => pending.reads.length === 1);
    await peer.send(":1}\n");
  });
  await using http = open();
  const pending = ask(http, server.url);
  await pending.settled;
  const { bodies, reads, marks, events, counted } = pending;
  assert.deepEqual(bodies, [{ text: '{"a":1}\n', atMs: reads[1]!.atMs }]);
  assert.deepEqual(reads.map(({ bytes }) => bytes), [4, 4]);
  assert.equal(marks.firstByte, reads[0]!.atMs);
  assert.deepEqual([events, counted], [[], []]);
});

for (
  const [what, script] of Object.entries<Script>({
    "an empty body": (peer) => peer.answer(""),
    "204": (peer) => void peer.send("HTTP/1.1 204 No Content\r\n\r\n"),
  })
) {
  Deno.test(`exchange() hands ${what} over as an empty text`, async () => {
    await using server = await rawServer(script);
    await using http = open();
    const { bodies, marks, reads, error } = await asked(http, server.url);
    assert.deepEqual(bodies, [{ text: "", atMs: marks.headers }]);
    assert.deepEqual([error, reads, marks.firstByte], [
      undefined,
      [],
      undefined,
    ]);
  });
}

Deno.test("exchange() marks each instant in its order, and connected on a new connection alone", async () => {
  const stepsMs: number[] = [];
  let pending: Asked;
  await using server = await rawServer(async (peer) => {
    await reached(() => pending.marks.requestSent !== undefined);
    stepsMs.push(clock.now());
    await peer.stream();
    await reached(() => pending.marks.headers !== undefined);
    stepsMs.push(clock.now());
    await peer.chunk(event(1));
    await peer.end();
  });
  await using http = open();
  for (const isNew of [true, false]) {
    stepsMs.length = 0;
    const startMs = clock.now();
    pending = ask(http, server.url);
    await pending.settled;
    const { connected, requestSent, headers, firstByte } = pending.marks;
    assert.equal(connected !== undefined, isNew);
    const times = [
      startMs,
      connected ?? startMs,
      requestSent!,
      stepsMs[0]!,
      headers!,
      stepsMs[1]!,
      firstByte!,
      clock.now(),
    ];
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
    assert.equal(pending.error, undefined);
  }
  assert.equal(server.accepted, 1);
});

Deno.test("exchange() stamps a network read once, whatever chunks and events are in it", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await reached(() => pending.marks.headers !== undefined);
    // Three chunks of HTTP in one write.
    const chunks = [event(1), `${event(2)}: ping\n\n`, `${event(3)}data: 4`]
      .map((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
    await peer.send(chunks.join(""));
    await reached(() => pending.reads.length === 1);
    await peer.chunk("\n\n");
    await peer.end();
  });
  await using http = open();
  const pending = ask(http, server.url);
  await pending.settled;
  const { reads, events, counted, marks } = pending;
  assert.equal(reads.length, 2);
  const [one, two] = reads.map(({ atMs }) => atMs);
  assert.deepEqual(events.map(({ data }) => data), ["1", "2", "3", "4"]);
  assert.deepEqual(events.map(({ atMs }) => atMs), [one, one, one, two]);
  assert.deepEqual(counted, [one, one, one, two]);
  assert.equal(marks.firstByte, one);
});

Deno.test("exchange() gives a stream's last event even without its empty line", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream("Content-Type: Text/Event-Stream; charset=utf-8\r\n");
    await peer.chunk(event(1), "data: [DONE]");
    await peer.end();
  });
  await using http = open();
  const { events, error } = await asked(http, server.url);
  assert.deepEqual(events.map(({ data }) => data), ["1", "[DONE]"]);
  assert.equal(error, undefined);
});

Deno.test("exchange() keeps one connection for one request after another, and opens one for each at once", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open();
  for (let i = 0; i < 20; i++) await asked(http, server.url);
  assert.equal(server.accepted, 1);
  const many = Array.from({ length: 50 }, () => asked(http, server.url));
  for (const { error } of await Promise.all(many)) {
    assert.equal(error, undefined);
  }
  assert.equal(server.accepted, 50);
  await Promise.all(Array.from({ length: 50 }, () => asked(http, server.url)));
  assert.equal(server.accepted, 50);
});

Deno.test("exchange() opens a connection for each request where none is to be used again", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open({ reuse: false });
  for (let i = 0; i < 3; i++) {
    const { marks, error } = await asked(http, server.url);
    assert.equal(error, undefined);
    assert.ok(marks.connected !== undefined);
  }
  assert.equal(server.accepted, 3);
  for (const { head } of server.peers) assert.match(head, /connection: close/i);
  await server.until(() => server.open === 0);
});

Deno.test("exchange() uses no connection again that the server means to close", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.answer("{}", { headers: ["connection: close"] });
    peer.socket.end();
  });
  await using http = open();
  for (let i = 0; i < 3; i++) {
    const { marks, error } = await asked(http, server.url);
    assert.equal(error, undefined);
    assert.ok(marks.connected !== undefined);
  }
  assert.equal(server.accepted, 3);
});

Deno.test("exchange() uses no connection again that the server keeps too short a time", async () => {
  await using server = await rawServer((peer) =>
    peer.answer("{}", { headers: ["keep-alive: timeout=1"] })
  );
  await using http = open();
  for (let i = 0; i < 2; i++) {
    const { marks, error } = await asked(http, server.url);
    assert.equal(error, undefined);
    assert.ok(marks.connected !== undefined);
  }
  await server.until(() => server.open === 0);
});

Deno.test("exchange() opens another connection where the idle one has been closed", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open();
  await asked(http, server.url);
  server.peers[0]!.socket.end();
  await server.until(() => server.open === 0);
  const { error, marks } = await asked(http, server.url);
  assert.equal(error, undefined);
  assert.ok(marks.connected !== undefined);
  assert.equal(server.accepted, 2);
});

for (
  const [what, script, failed] of [
    ["before a response", (peer) => void peer.socket.destroy(), [
      "closed",
      undefined,
    ]],
    ["by reset", (peer) => void peer.socket.resetAndDestroy(), [
      "closed",
      "ECONNRESET",
    ]],
    ["in the middle of headers", async (peer) => {
      await peer.send("HTTP/1.1 200 OK\r\ncontent-");
      peer.socket.end();
    }, ["closed", undefined]],
    ["in the middle of a stream", async (peer) => {
      await peer.stream();
      await peer.chunk(event(1));
      peer.socket.end();
    }, ["closed", undefined]],
    ["in the middle of a body", async (peer) => {
      await peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
      peer.socket.end();
    }, ["closed", undefined]],
    ["in the middle of a body, as was said", async (peer) => {
      await peer.send(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nabc",
      );
      peer.socket.end();
    }, ["closed", undefined]],
    ["in the middle of a stream, as was said", async (peer) => {
      await peer.stream(
        "content-type: text/event-stream\r\nconnection: close\r\n",
      );
      await peer.chunk(event(1));
      peer.socket.end();
    }, ["closed", undefined]],
  ] satisfies [string, Script, [string, string | undefined]][]
) {
  Deno.test(`exchange() fails as closed where the socket closes ${what}`, async () => {
    await using server = await rawServer(script);
    await using http = open();
    const got = await asked(http, server.url);
    assert.deepEqual(failureOf(got).slice(0, 2), failed, got.error?.message);
    assert.equal(got.endedMs, undefined);
    assert.deepEqual(got.bodies, []);
    assert.equal(
      got.events.length,
      got.reads.length && what.includes("stream") ? 1 : 0,
    );
  });
}

Deno.test("exchange() takes the end of the connection for the end of a body without a length", async () => {
  let closedMs = Infinity;
  await using server = await rawServer(async (peer) => {
    await peer.send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", "abc");
    await clock.sleepUntil(clock.now() + 20);
    closedMs = clock.now();
    peer.socket.end();
  });
  await using http = open();
  const { bodies, error, endedMs } = await asked(http, server.url);
  assert.equal(error, undefined);
  assert.deepEqual(bodies.map(({ text }) => text), ["abc"]);
  assert.ok(endedMs! >= closedMs, `${endedMs} is before ${closedMs}`);
});

for (
  const [what, bytes] of [
    ["no HTTP", "hello\r\n\r\n"],
    [
      "chunks without a size",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ["headers without end", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`],
    ["a NUL in a header", "HTTP/1.1 200 OK\r\nx-a: b\0c\r\n\r\n"],
    ["a control character in a header", "HTTP/1.1 200 OK\r\nx: \x7f\r\n\r\n"],
    ["a bare CR in a header", "HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n"],
    ["a blank in a header's name", "HTTP/1.1 200 OK\r\nx a: b\r\n\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n"],
    [
      "a length that is not a number",
      "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    ],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    ],
    [
      "a NUL in a trailer",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: a\0b\r\n\r\n",
    ],
  ]
) {
  Deno.test(`exchange() fails as protocol_error where a server answers with ${what}, on a new connection or a used one`, async () => {
    let isFirst = true;
    await using server = await rawServer((peer) => {
      const isUsed = isFirst && server.accepted === 2;
      if (!isUsed) return peer.send(bytes!);
      isFirst = false;
      return peer.answer("{}");
    });
    await using http = open();
    const fresh = failureOf(await asked(http, server.url));
    assert.equal(fresh[0], "protocol_error", fresh[2]);
    assert.equal((await asked(http, server.url)).error, undefined);
    const used = await asked(http, server.url);
    assert.equal(used.marks.connected, undefined);
    assert.equal(failureOf(used)[0], "protocol_error", used.error?.message);
    await server.until(() => server.open === 0);
    assert.equal(server.accepted, 2);
  });
}

Deno.test("exchange() settles with the last event, and its connection is of use once the rest has come", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await peer.chunk(event(1), DONE, event(2));
  });
  await using http = open();
  const first = await asked(http, server.url);
  assert.deepEqual(first.events.map(({ data }) => data), ["1", "[DONE]"]);
  // Until the rest has come the connection is taken: the next request opens one.
  await asked(http, server.url);
  assert.equal(server.accepted, 2);
  for (const peer of server.peers) await peer.chunk(event(3)).then(peer.end);
  // Another one may be needed still, as it is not known when the rest has been read.
  let next = await asked(http, server.url);
  while (next.marks.connected !== undefined) {
    await server.peers.at(-1)!.end();
    next = await asked(http, server.url);
  }
  assert.deepEqual(first.late, []);
});

Deno.test("exchange() says when a response had ended: all of it had come, or its last event", async () => {
  await using server = await rawServer(async (peer) => {
    const isOpen = server.peers.length > 1;
    await peer.stream();
    await peer.chunk(event(1), ...(isOpen ? [DONE] : []));
    await reached(() => pending.events.length > 0);
    releasedMs = clock.now();
    await peer.end();
  });
  let releasedMs = Infinity;
  await using http = open();
  let pending = ask(http, server.url);
  await pending.settled;
  assert.ok(pending.endedMs! >= releasedMs);
  pending = ask(http, server.url);
  await pending.settled;
  assert.equal(pending.endedMs, pending.reads[0]!.atMs);
  assert.deepEqual(pending.late, []);
});

Deno.test("exchange() closes a connection whose rest does not come", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await peer.chunk(DONE);
  });
  await using http = open();
  const { error, late } = await asked(http, server.url);
  assert.equal(error, undefined);
  await server.until(() => server.open === 0);
  assert.deepEqual(late, []);
});

Deno.test("exchange() ends with the reason of an abort, wherever the request is, and closes its socket", async () => {
  const phases: readonly [string, Script][] = [
    ["before headers", () => {}],
    ["in a stream", async (peer) => {
      await peer.stream();
      await peer.chunk(event(1));
    }],
  ];
  for (const [what, script] of phases) {
    await using server = await rawServer(script);
    await using http = open();
    const controller = new AbortController();
    const pending = ask(http, server.url, { signal: controller.signal });
    const events = what === "in a stream" ? 1 : 0;
    await server.until(() => server.peers.length === 1);
    await reached(() => pending.events.length === events);
    const reason = new Error(what);
    controller.abort(reason);
    await pending.settled;
    assert.equal(pending.error, reason);
    await server.until(() => server.open === 0);
    assert.deepEqual(pending.late, []);
  }
});

Deno.test("exchange() reports no event of a read after another one aborted it", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await peer.chunk(event(1), event(2));
  });
  await using http = open();
  const controller = new AbortController();
  const pending = await asked(http, server.url, {
    signal: controller.signal,
    last() {
      controller.abort(new Error("enough"));
      return false;
    },
  });
  assert.equal(pending.error?.message, "enough");
  assert.deepEqual([pending.events.length, pending.late], [1, []]);
});

Deno.test("exchange() gives a connection up that is being opened", async () => {
  await using server = await rawServer(() => {}, { pause: true });
  await using http = open();
  const url = new URL(server.url.href.replace("http:", "https:"));
  const controller = new AbortController();
  const pending = ask(http, url, { signal: controller.signal });
  await server.until(() => server.accepted === 1);
  const reason = new Error("enough");
  controller.abort(reason);
  await pending.settled;
  assert.equal(pending.error, reason);
  server.sockets[0]!.resume();
  await server.until(() => server.open === 0);
});

Deno.test("exchange() sends nothing where the signal has aborted", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open();
  const reason = new Error("no");
  const { error } = await asked(http, server.url, {
    signal: AbortSignal.abort(reason),
  });
  assert.equal(error, reason);
  assert.equal(server.accepted, 0);
});

Deno.test("exchange() fails with what a reader throws, and closes the connection", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await peer.chunk(event(1), event(2));
  });
  await using http = open();
  const reason = new Error("no JSON");
  const { error, events } = await asked(http, server.url, {
    last: () => {
      throw reason;
    },
  });
  assert.equal(error, reason);
  assert.equal(events.length, 1);
  await server.until(() => server.open === 0);
});

Deno.test("exchange() takes a large body for sent once the system has taken it", async () => {
  await using server = await rawServer(() => {}, { pause: true });
  await using http = open();
  const body = new Uint8Array(24 * 1024 * 1024).fill(120);
  const controller = new AbortController();
  const pending = ask(http, server.url, { body, signal: controller.signal });
  await reached(() => pending.marks.connected !== undefined);
  await clock.sleepUntil(clock.now() + 50);
  assert.equal(pending.marks.requestSent, undefined);
  const resumedMs = clock.now();
  server.sockets[0]!.resume();
  await reached(() => pending.marks.requestSent !== undefined);
  assert.ok(pending.marks.requestSent! >= resumedMs);
  controller.abort(new Error("enough"));
  await pending.settled;
});

Deno.test("exchange() sends megabytes as they are, and marks when the last byte was handed over", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open();
  const body = Uint8Array.from({ length: 8 * 1024 * 1024 }, (_, i) => i * 7);
  const { error, marks } = await asked(http, server.url, { body });
  assert.equal(error, undefined);
  assert.ok(marks.requestSent! >= marks.connected!);
  assert.ok(marks.headers! >= marks.requestSent!);
  assert.ok(server.peers[0]!.body.equals(body));
  await asked(http, server.url);
  assert.equal(server.accepted, 1);
});

Deno.test("exchange() does not say when a request was sent that was answered before", async () => {
  await using server = await rawServer(() => {}, { pause: true });
  await using http = open();
  const pending = ask(http, server.url, {
    body: new Uint8Array(24 * 1024 * 1024),
  });
  await server.until(() => server.accepted === 1);
  server.sockets[0]!.write(
    "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno",
  );
  await pending.settled;
  assert.deepEqual(failureOf(pending).slice(0, 2), ["http_error", "413"]);
  assert.equal(pending.marks.requestSent, undefined);
  server.sockets[0]!.resume();
  await server.until(() => server.open === 0);
});

for (
  const [what, headers] of [
    ["a body", "content-type: application/json\r\n"],
    ["an event", "content-type: text/event-stream\r\n"],
  ]
) {
  Deno.test(`exchange() refuses ${what} that would fill the memory`, async () => {
    let sent = 0;
    await using server = await rawServer(async (peer) => {
      await peer.stream(headers);
      await peer.chunk("data: ");
      const flood = new Uint8Array(4 * 1024 * 1024).fill(120);
      while (!peer.socket.destroyed && sent < 4 * MAX_BODY_BYTES) {
        await peer.chunk(flood);
        sent += flood.length;
      }
    });
    await using http = open();
    const got = await asked(http, server.url);
    assert.deepEqual(failureOf(got).slice(0, 2), ["too_large", undefined]);
    assert.match(got.error!.message, /at most 64 MiB/);
    await server.until(() => server.open === 0);
    assert.ok(sent < 2 * MAX_BODY_BYTES, `${sent} bytes`);
  });
}

Deno.test("exchange() fails as closed where the transport is disposed of", async () => {
  await using server = await rawServer(() => {});
  const http = open();
  const pending = ask(http, server.url);
  await server.until(() => server.peers.length === 1);
  await http[Symbol.asyncDispose]();
  await pending.settled;
  assert.equal(failureOf(pending)[0], "closed");
  await server.until(() => server.open === 0);
});

for (
  const [head, says] of [
    [
      "101 Switching Protocols\r\n",
      /HTTP 101: it switches to another protocol/,
    ],
    [
      "101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n",
      /HTTP 101: it switches to another protocol/,
    ],
    ["099 What\r\n", /HTTP 99: HTTP does not define this status$/],
  ] as const
) {
  Deno.test(`exchange() blames the server for the answer ${JSON.stringify(head)}`, async () => {
    await using server = await rawServer((peer) =>
      peer.send(`HTTP/1.1 ${head}\r\n`)
    );
    await using http = open();
    const [failure, code, message] = failureOf(await asked(http, server.url));
    assert.deepEqual([failure, code], ["protocol_error", undefined]);
    assert.match(message!, says);
  });
}

Deno.test("exchange() passes over informational responses", async () => {
  let early: number | undefined;
  await using server = await rawServer(async (peer) => {
    await peer.send("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    await clock.sleepUntil(clock.now() + 20);
    early = pending.marks.headers;
    await peer.answer("{}", { headers: JSON_TYPE });
  });
  await using http = open();
  const pending = ask(http, server.url);
  await pending.settled;
  assert.deepEqual([pending.error, early], [undefined, undefined]);
  assert.ok(pending.marks.headers !== undefined);
  assert.equal(pending.bodies.length, 1);
});

Deno.test("exchange() gives all parts of a response that came in one read the time of that read", async () => {
  await using server = await rawServer((peer) =>
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
  );
  await using http = open();
  const { marks, reads, bodies, endedMs } = await asked(http, server.url);
  const { atMs } = reads[0]!;
  assert.deepEqual(
    [reads.length, marks.headers, marks.firstByte, bodies[0]!.atMs, endedMs],
    [1, atMs, atMs, atMs, atMs],
  );
});

Deno.test("openHttp() keeps a connection whose server names a time beyond all timers", async () => {
  await using server = await rawServer((peer) =>
    peer.answer("{}", { headers: [`keep-alive: timeout=${"9".repeat(400)}`] })
  );
  await using http = open();
  for (let i = 0; i < 2; i++) {
    const { error } = await asked(http, server.url);
    assert.equal(error, undefined);
  }
  assert.equal(server.accepted, 1);
});

Deno.test("openHttp() sends the letters of a header as Latin-1, whatever the length of the body", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open({ headers: { "x-name": "Zoë", "x-other": "é" } });
  for (const body of ["", "{}", "x".repeat(100_000)]) {
    const { error } = await asked(http, server.url, { body });
    assert.equal(error, undefined);
    const { head, body: sent } = server.peers.at(-1)!;
    assert.match(head, /\r\nx-name: Zoë\r\nx-other: é\r\n/i);
    assert.equal(sent.toString(), body);
  }
});

Deno.test("openHttp() prefers the user's headers to its own", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open({
    headers: { "Accept-Encoding": "gzip", HOST: "name.example" },
    env: (name) => name === "http_proxy" ? server.url.origin : undefined,
  });
  const { error } = await asked(http, new URL("http://h.invalid/x"));
  assert.equal(error, undefined);
  const lines = server.peers[0]!.head.split("\r\n");
  assert.equal(lines[0], "POST http://h.invalid/x HTTP/1.1");
  assert.deepEqual(
    lines.filter((line) => /^(host|accept-encoding):/i.test(line)),
    ["HOST: name.example", "Accept-Encoding: gzip"],
  );
});
